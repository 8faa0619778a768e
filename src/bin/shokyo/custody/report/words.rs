//! The page's two languages: the words of receipts and stores, numbers, times.

use clap::ValueEnum;
use maud::{Markup, html};
use shokyo::buffer::{Cause, CopyClass};
use shokyo::custody::report::Standing;
use shokyo::receipt::{Event, NotCovered};
use shokyo::types::Role;

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// 日本語
    Ja,
    /// English
    En,
}

impl Language {
    /// The tag (BCP 47), which also begins every identifier in that language's half of the page.
    pub(crate) const fn tag(self) -> &'static str {
        self.pick("ja", "en")
    }

    /// One of two, by language.
    pub(crate) const fn pick<T: Copy>(self, ja: T, en: T) -> T {
        match self {
            Self::Ja => ja,
            Self::En => en,
        }
    }

    pub(crate) const fn role(self, role: Role) -> &'static str {
        match role {
            Role::Issuer => self.pick("証明書自動交付システム", "Issuing system"),
            Role::CertificateCentre => self.pick("証明書交付センター", "Certificate centre"),
            Role::EcCentre => self.pick("ECセンター", "EC centre"),
            Role::Kiosk => self.pick("キオスク端末", "Kiosk"),
        }
    }

    /// For the heads of columns.
    pub(crate) const fn short_role(self, role: Role) -> &'static str {
        match role {
            Role::Issuer => self.pick("自動交付", "Issuing system"),
            Role::CertificateCentre => self.pick("交付センター", "Centre"),
            Role::EcCentre => self.role(role),
            Role::Kiosk => self.pick("キオスク", "Kiosk"),
        }
    }

    pub(crate) const fn standing(self, standing: Standing) -> &'static str {
        match standing {
            Standing::Lost => self.pick("中断（状態不明）", "Lost"),
            Standing::Unresolved => self.pick("結果不明", "Unresolved"),
            Standing::Unrecorded => self.pick("開始の記録なし", "Not recorded as opened"),
            Standing::Open => self.pick("進行中", "Open"),
            Standing::Ended => self.pick("交付せず終了", "Ended without delivery"),
            Standing::Complete => self.pick("完了", "Complete"),
        }
    }

    pub(crate) const fn standing_meaning(self, standing: Standing) -> &'static str {
        match standing {
            Standing::Lost => self.pick(
                "処理中にプログラムが停止した。そのメモリに何が残ったかは不明。",
                "A process ended while the session was open. What its memory held is unknown.",
            ),
            Standing::Unresolved => self.pick(
                "鍵は渡されたが、最後の知らせが届いていない。交付されたかどうかは不明。",
                "The key was handed over, or an end was due, and was never heard. Whether it was delivered is unknown.",
            ),
            Standing::Unrecorded => self.pick(
                "署名付き記録または警報はあるが、開始の記録がない。",
                "There are receipts or alarms about it, and no record that it was opened.",
            ),
            Standing::Open => self.pick(
                "読み取り時点で結果が未記録。進行中か、停止したまま再起動していない。",
                "No outcome when the store was read: under way, or its process ended and has not started again.",
            ),
            Standing::Ended => self.pick(
                "交付に至らず終了した。消去できたものは上書きした。",
                "Ended without delivery. What could be erased was overwritten.",
            ),
            Standing::Complete => self.pick(
                "その機器がすべきこと、聞くべきことがすべて済んだ。",
                "Everything that the station had to do and to hear is done.",
            ),
        }
    }

    pub(crate) const fn event(self, event: Event) -> &'static str {
        match event {
            Event::KeyWiped => self.pick("鍵を上書き", "Key wiped"),
            Event::Closed => self.pick("ラップ済み鍵を上書き", "Closed"),
            Event::Erased => self.pick("写しを上書き", "Erased"),
            Event::RelayedNotRetained => self.pick("中継し保持せず", "Relayed, not retained"),
            Event::LostAtRestart => self.pick("再起動時に中断が判明", "Lost at restart"),
            Event::Unresolved => self.pick("結果不明", "Unresolved"),
            Event::Forgotten => self.pick("紙の取り忘れ", "Paper forgotten"),
            Event::NotErased => self.pick("上書きを確認できず", "Not erased"),
        }
    }

    pub(crate) const fn event_meaning(self, event: Event) -> &'static str {
        match (self, event) {
            (Self::En, _) => event.meaning(),
            (Self::Ja, Event::KeyWiped) => {
                "この機器のメモリにあった文書鍵を上書きし、ゼロになったことを読み戻して確かめた後に、ラップ済み鍵を送った"
            }
            (Self::Ja, Event::Closed) => {
                "文書が開かれたとの知らせを受け、この機器にあったラップ済み鍵を上書きし、ゼロを読み戻した"
            }
            (Self::Ja, Event::Erased) => "この機器が管理していた写しをすべて上書きし、ゼロを読み戻した",
            (Self::Ja, Event::RelayedNotRetained) => {
                "この機器が通した暗号文のフレームを上書きし、ゼロを読み戻した。保持しているものはない"
            }
            (Self::Ja, Event::LostAtRestart) => {
                "処理中にプログラムが停止した。メモリの内容は本ソフトウェアでは上書きされておらず、状態は不明"
            }
            (Self::Ja, Event::Unresolved) => "鍵を渡した後の結果が届いていない。交付されたかどうかは不明",
            (Self::Ja, Event::Forgotten) => "印刷された紙がキオスク端末に残された",
            (Self::Ja, Event::NotErased) => "上書きを確認できない写しが少なくとも一つある。残っている可能性がある",
        }
    }

    pub(crate) const fn cause(self, cause: Cause) -> &'static str {
        match cause {
            Cause::Requested => self.pick("所有者の要求", "requested by its owner"),
            Cause::HandedOver => self.pick("引渡し済み", "handed over"),
            Cause::Delivered => self.pick("交付済み", "delivered"),
            Cause::Deadline => self.pick("期限到達", "a deadline passed"),
            Cause::Cancelled => self.pick("取消し", "cancelled"),
            Cause::Refused => self.pick("拒否", "refused"),
            Cause::PeerLost => self.pick("相手方との接続断", "a neighbour was lost"),
            Cause::Shutdown => self.pick("停止", "the process stopped"),
            Cause::DeviceFault => self.pick("機器の障害", "a device failed"),
            Cause::Busy => self.pick("上限到達", "a limit was reached"),
        }
    }

    pub(crate) const fn class(self, class: CopyClass) -> &'static str {
        match class {
            CopyClass::Key => self.pick("文書鍵", "document key"),
            CopyClass::WrappedKey => self.pick("ラップ済み鍵", "wrapped key"),
            CopyClass::Ciphertext => self.pick("暗号文", "ciphertext"),
            CopyClass::Window => self.pick("平文の表示窓", "window onto plaintext"),
            CopyClass::Spool => self.pick("印刷スプール", "spool"),
            CopyClass::Derivative => self.pick("派生物（印刷画像など）", "derivative, such as a rendered page"),
        }
    }

    pub(crate) fn not_covered(self, what: NotCovered) -> String {
        match (self, what) {
            (Self::En, _) => what.to_string(),
            (Self::Ja, what) => match what {
                NotCovered::PrivilegedObserver => {
                    "表示窓が開いている間に、同じ機器の管理者権限やデバッガーで読み取られたもの"
                }
                NotCovered::PhysicalAccess => {
                    "装置による直接メモリアクセス、停電後数秒以内に読み取られたメモリモジュール"
                }
                NotCovered::EarlierCopies => "データが本ソフトウェアに入る前から存在した写し",
                NotCovered::HostCode => "組み込み先のプログラムが表示窓から自ら作った写し",
                NotCovered::KernelBuffers => "OSの通信バッファー（暗号文のみ）",
                NotCovered::UnlockedMemory => "固定されていないメモリのスワップや休止状態の記録（暗号文）",
                NotCovered::Printer => "プリンター自身のメモリ、および紙",
                NotCovered::StorageBelowFiles => {
                    "ファイルより下の層（ジャーナル、スナップショット、フラッシュメモリのセル）"
                }
                NotCovered::EndedProcess => "消去の前に終了したプログラムのメモリ",
                NotCovered::TransportBuffers => "プログラム内のTLSライブラリーのバッファー（暗号文のフレームのみ）",
                NotCovered::Swap => "この機器で使われているスワップに書かれた、固定されていないメモリ",
                NotCovered::Hibernation => "この機器で可能な休止状態の記録（固定されたメモリも含む）",
                NotCovered::KernelMapping => "秘密メモリが使えず、OSのカーネルからも読める、固定されたメモリ",
                NotCovered::UnknownHost => "この機器のスワップと休止状態（確認できなかった）",
            }
            .into(),
        }
    }

    /// An alarm's text: translated if it is one of those that this software writes, otherwise as it stands.
    pub(crate) fn alarm(self, text: &str) -> Markup {
        match (self, alarm_in_japanese(text)) {
            (Self::Ja, Some(translated)) => html! { (translated) },
            (Self::Ja, None) => html! { span lang="en" { (text) } },
            (Self::En, _) => html! { (text) },
        }
    }

    /// A count with thousands separated.
    pub(crate) fn number(self, number: u64) -> String {
        let digits = number.to_string();
        let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        grouped
    }

    /// A share as a percentage. Only nothing is 0 %, and only all is 100 %.
    pub(crate) fn share(self, part: u64, whole: u64) -> String {
        if whole == 0 {
            return "–".into();
        }
        let tenths = u128::from(part) * 1_000 / u128::from(whole);
        match (part, tenths) {
            (0, _) => "0 %".into(),
            (_, 0) => "< 0.1 %".into(),
            (_, 1_000) => "100 %".into(),
            _ => format!("{}.{} %", tenths / 10, tenths % 10),
        }
    }

    /// A length of time: milliseconds below ten seconds, then seconds, minutes, hours; rounded up.
    pub(crate) fn duration(self, ms: u64) -> String {
        let grouped = |number| self.number(number);
        match ms {
            0..1_000 => format!("{ms} ms"),
            1_000..10_000 => decimal(ms, 10, 100, self.pick("秒", "s")),
            10_000..120_000 => decimal(ms, 100, 10, self.pick("秒", "s")),
            120_000..7_200_000 => decimal(ms, 6_000, 10, self.pick("分", "min")),
            _ => match decimal(ms, 360_000, 10, self.pick("時間", "h")) {
                hours if ms < 3_600_000_000 => hours,
                _ => format!("{} {}", grouped(ms.div_ceil(3_600_000)), self.pick("時間", "h")),
            },
        }
    }

    /// A moment in milliseconds since 1970-01-01 UTC: Japan's time in Japanese, UTC in English.
    pub(crate) fn moment(self, unix_ms: u64) -> String {
        let (date, time) = self.date_and_time(unix_ms);
        format!("{date} {time}")
    }

    /// The same with milliseconds, for one session.
    pub(crate) fn moment_exactly(self, unix_ms: u64) -> String {
        format!("{}.{:03}", self.moment(unix_ms), unix_ms % 1_000)
    }

    /// The day alone.
    pub(crate) fn day(self, unix_ms: u64) -> String {
        self.date_and_time(unix_ms).0
    }

    /// The zone of [`Language::moment`].
    pub(crate) const fn zone(self) -> &'static str {
        self.pick("日本時間", "UTC")
    }

    fn date_and_time(self, unix_ms: u64) -> (String, String) {
        let seconds = (unix_ms / 1_000).saturating_add(self.pick(9 * 3_600, 0));
        let (year, month, day) = civil(seconds / 86_400);
        let time = format!("{:02}:{:02}:{:02}", seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        (format!("{year:04}-{month:02}-{day:02}"), time)
    }
}

/// `ms / (unit * parts)` with one or two decimals, rounded up.
fn decimal(ms: u64, unit: u64, parts: u64, name: &str) -> String {
    let rounded = ms.div_ceil(unit);
    let width = parts.ilog10() as usize;
    format!("{}.{:0width$} {name}", rounded / parts, rounded % parts)
}

/// The date of the Gregorian calendar so many days after 1970-01-01, counted in 400-year eras that begin on 1 March.
const fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + if month <= 2 { 1 } else { 0 }, month, day)
}

fn alarm_in_japanese(text: &str) -> Option<&'static str> {
    Some(match text {
        "the challenge deadline passed; the transaction was erased" => "本人確認の期限が過ぎ、取引を消去した",
        "the transmit deadline passed; the session was erased" => "送信の期限が過ぎ、セッションを消去した",
        "the release deadline passed; the session was erased" => "鍵引渡しの期限が過ぎ、セッションを消去した",
        "the deliver deadline passed; the session was erased" => "交付の期限が過ぎ、セッションを消去した",
        "the receipt deadline passed; receipts or their acknowledgement are missing" => {
            "署名付き記録の期限が過ぎた。記録またはその受領確認が届いていない"
        }
        "the reconnect deadline passed; the session was erased" => "再接続の期限が過ぎ、セッションを消去した",
        "the issuing system keeps no receipt of this session: it never opened it, or has too many" => {
            "発行システムはこのセッションの記録を保管しない（開始していないか、既に多すぎる）"
        }
        "a frame could not be sent by the deadline" => "期限までに送れなかったフレームがある",
        "the kiosk could not open the document" => "キオスク端末が文書を開けなかった",
        "the issuing system calls this session unresolved: by its own end, or by another station's receipt" => {
            "発行システムはこのセッションを結果不明としている（発行システム自身の終了、または他の機器の記録による）"
        }
        "another station's receipt says: lost, unknown or not erased" => {
            "他の機器の署名付き記録に、中断、結果不明または未消去とある"
        }
        "two stations gave receipts as one relay" => "二つの機器が同じ中継役として署名付き記録を出した",
        "a receipt could not be made" => "署名付き記録を作れなかった",
        "a receipt could not be written" => "署名付き記録を書き込めなかった",
        "a receipt of the loss could not be made" => "中断についての署名付き記録を作れなかった",
        "the station stopped before its receipt was acknowledged" => "署名付き記録の受領確認の前に機器が停止した",
        "the station stopped before every receipt was there" => "署名付き記録が出そろう前に機器が停止した",
        "the process ended before every receipt was there" => "署名付き記録が出そろう前にプログラムが停止した",
        "the process ended with the session open" => "セッションの途中でプログラムが停止した",
        "printing had begun; whether it was delivered is unknown" => "印刷は始まっていた。交付されたかどうかは不明",
        "a card or phone was left at the kiosk" => "カードまたはスマートフォンがキオスク端末に残された",
        "a step at the kiosk was not done in time and everything was erased" => {
            "キオスク端末での操作が時間内に行われず、すべて消去した"
        }
        "paper jammed or the printer failed" => "紙詰まりまたはプリンターの障害",
        "the door was opened while a customer was served" => "利用者の操作中に扉が開けられた",
        "paid-undelivered: the fee was asked for and the document was not delivered" => {
            "料金を請求したが、文書は交付されなかった"
        }
        "the fee could not be taken after printing had begun" => "印刷開始後に料金を収納できなかった",
        "whether the fee was taken was not reported" => "料金が収納されたかどうかの報告がない",
        "a certificate was left in the tray" => "証明書が取出口に残された",
        "the kiosk's memory did not read back as erased" => "キオスク端末のメモリの消去を読み戻しで確認できなかった",
        "the kiosk's erasure was not reported by the deadline" => "キオスク端末の消去が期限までに報告されなかった",
        "nobody attended to the kiosk by the deadline" => "期限までに誰もキオスク端末に対応しなかった",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::Language::{En, Ja};

    #[test]
    fn numbers_and_shares_never_say_less_or_more_than_they_are() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(|number| En.number(number)), ["0", "999", "1,000", "1,234,567"]);
        let shares = [(0, 7), (1, 10_000), (9_999, 10_000), (7, 7), (0, 0)].map(|(part, whole)| En.share(part, whole));
        assert_eq!(shares, ["0 %", "< 0.1 %", "99.9 %", "100 %", "–"]);
    }

    #[test]
    fn durations_are_rounded_up_to_what_a_person_reads() {
        let durations = [0, 999, 1_001, 9_999, 10_001, 119_999, 120_001, 7_200_000].map(|ms| En.duration(ms));
        assert_eq!(durations, ["0 ms", "999 ms", "1.01 s", "10.00 s", "10.1 s", "120.0 s", "2.1 min", "2.0 h"]);
        assert_eq!(Ja.duration(90_000), "90.0 秒");
    }

    #[test]
    fn moments_are_japans_in_japanese_and_utc_in_english() {
        assert_eq!(En.moment(1_679_875_200_000), "2023-03-27 00:00:00");
        assert_eq!(Ja.moment(1_679_875_200_000), "2023-03-27 09:00:00");
        assert_eq!(En.moment_exactly(951_868_799_999), "2000-02-29 23:59:59.999");
        assert!(!Ja.moment(u64::MAX).is_empty());
    }
}

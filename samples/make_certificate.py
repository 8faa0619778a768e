#!/usr/bin/env python3
"""Makes samples/certificate.pdf: a plainly fictional resident certificate (住民票の写し).

The document has the shape of what a convenience-store kiosk prints (two ruled front pages over a
copy-detection ground, one back page filled by a dense scrambled image) so that demonstrations and
tests carry something of realistic size and entropy. It must never name a real municipality, person
or number, never carry a date or identifier of the moment it was made, and never lose the words
「見本 SPECIMEN」 from any page.

The output is the same byte for byte on every run with the versions named below. No stream is
deflated: the compressed form would depend on the zlib at hand.

    python3 samples/make_certificate.py            write samples/certificate.pdf
    python3 samples/make_certificate.py --check    compare with the file that is there, write nothing
"""

import argparse
import hashlib
import pathlib
import sys

REPORTLAB_VERSION = "5.1.0"
PILLOW_VERSION = "13.0.0"
FONTS = {
    # name in this script: (Debian package, file, SHA-256 of the file in version 00401 of the fonts)
    "Mincho": ("fonts-ipaexfont-mincho", "/usr/share/fonts/opentype/ipaexfont-mincho/ipaexm.ttf",
               "7a306386f930fee80922f71eebf4ffe0f1ff2817da8e619230953487673d71c7"),
    "Gothic": ("fonts-ipaexfont-gothic", "/usr/share/fonts/opentype/ipaexfont-gothic/ipaexg.ttf",
               "3b9955a5e437ffb24c41548e79296fa724822da21ee75dc1b94f6ccdb8f400dd"),
}

try:
    import reportlab
    import PIL
    from reportlab import rl_config
    from reportlab.lib.colors import HexColor
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas
    sys.dont_write_bytecode = True
    from certificate_drawing import (
        PAGE_WIDTH, SCRAMBLE_SIZE, Page, add_patterns, front_ground, guilloche, registration_mark)
    IMPORT_ERROR = None
except ImportError as error:
    IMPORT_ERROR = error

DEFAULT_OUTPUT = pathlib.Path(__file__).resolve().parent / "certificate.pdf"
SPECIMEN = "見本 SPECIMEN"

ISSUE_NUMBER = "見本-0000-0000-0001"
KIOSK = "見本端末-0000"
ISSUE_DATE = "令和7年4月1日"
ADDRESS = "架空県架空市見本町一丁目1番1号"
DOMICILE = "架空県架空市見本町一丁目1番"
FORMER_ADDRESS = "架空県架空郡例示町大字例示9番地9"
HEAD = "見本 太郎"

# Every member gives, in this order: reading, name, relation, sex, birth, became a resident,
# address fixed on, notified on, former address, remarks.
HOUSEHOLD = [
    ("ミホン タロウ", HEAD, "世帯主", "男", "昭和60年1月1日", "平成26年5月1日",
     "平成26年5月1日", "平成26年5月2日", FORMER_ADDRESS, "転入による記載"),
    ("ミホン ハナコ", "見本 花子", "妻", "女", "平成2年2月2日", "平成26年5月1日",
     "平成26年5月1日", "平成26年5月2日", FORMER_ADDRESS, "転入による記載"),
    ("ミホン イチロウ", "見本 一郎", "子", "男", "平成27年3月3日", "平成27年3月3日",
     "平成27年3月3日", "平成27年3月9日", "なし", "出生による記載"),
    ("ミホン サクラ", "見本 さくら", "子", "女", "平成30年4月4日", "平成30年4月4日",
     "平成30年4月4日", "平成30年4月11日", "なし", "出生による記載"),
]

# All positions below are millimetres from the top left corner of an A4 page.
LEFT, WIDTH = 15.0, 180.0
INDEX_WIDTH, LABEL_WIDTH, MIDDLE_WIDTH = 8.0, 29.0, 64.0

def main():
    parser = argparse.ArgumentParser(description="Make the fictional specimen certificate.")
    parser.add_argument("--output", type=pathlib.Path, default=DEFAULT_OUTPUT)
    parser.add_argument("--check", action="store_true",
                        help="compare with the existing file instead of writing it")
    arguments = parser.parse_args()

    missing = missing_packages()
    if missing:
        print("make_certificate.py needs packages that are missing; nothing was installed or "
              "written:", file=sys.stderr)
        for line in missing:
            print(f"  {line}", file=sys.stderr)
        return 2
    for warning in unexpected_versions():
        print(f"warning: {warning}; the bytes may differ", file=sys.stderr)

    document = certificate()
    digest = hashlib.sha256(document).hexdigest()
    if arguments.check:
        if not arguments.output.is_file() or arguments.output.read_bytes() != document:
            print(f"{arguments.output} differs from what this script makes (sha256 {digest})",
                  file=sys.stderr)
            return 1
        print(f"{arguments.output} is as made: {len(document)} bytes, sha256 {digest}")
        return 0
    arguments.output.write_bytes(document)
    print(f"wrote {arguments.output}: {len(document)} bytes, sha256 {digest}")
    return 0


def missing_packages():
    """One line for each thing to install, with the command that does it."""
    lines = []
    if IMPORT_ERROR is not None:
        lines.append(f"Python: {IMPORT_ERROR}: pip install reportlab=={REPORTLAB_VERSION} "
                     f"pillow=={PILLOW_VERSION}")
    for package, path, _ in FONTS.values():
        if not pathlib.Path(path).is_file():
            lines.append(f"font {path}: apt-get install {package}")
    return lines


def unexpected_versions():
    """What differs from the versions the committed file was made with."""
    if reportlab.Version != REPORTLAB_VERSION:
        yield f"reportlab is {reportlab.Version}, expected {REPORTLAB_VERSION}"
    if PIL.__version__ != PILLOW_VERSION:
        yield f"pillow is {PIL.__version__}, expected {PILLOW_VERSION}"
    for package, path, digest in FONTS.values():
        if hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest() != digest:
            yield f"{path} ({package}) is not the version expected"


def certificate():
    """The whole document as bytes."""
    rl_config.invariant = 1
    for name, (_, path, _) in FONTS.items():
        # Only glyphs that are used: without this every ASCII glyph would be embedded as well.
        pdfmetrics.registerFont(TTFont(name, path, asciiReadable=False))
    canvas = Canvas("certificate.pdf", pagesize=A4, pageCompression=0, invariant=1,
                    initialFontName="Mincho", lang="ja-JP")
    canvas.setTitle("住民票の写し（見本 SPECIMEN）")
    canvas.setAuthor("架空県架空市（実在しません）")
    canvas.setSubject("架空の証明書の見本。効力はありません。Fictional specimen without any validity.")
    canvas.setCreator("samples/make_certificate.py")

    add_patterns(canvas, FONTS["Gothic"][1], SPECIMEN)

    page = Page(canvas)
    first_front(page)
    canvas.showPage()
    second_front(page)
    canvas.showPage()
    back(page)
    canvas.showPage()
    return canvas.getpdfdata()


def first_front(page):
    front_ground(page)
    header(page, "1／2")
    top = 51.0
    page.cell(LEFT, top, INDEX_WIDTH + LABEL_WIDTH, 9, "住所", label=True)
    page.cell(LEFT + INDEX_WIDTH + LABEL_WIDTH, top, WIDTH - INDEX_WIDTH - LABEL_WIDTH, 9, ADDRESS)
    page.cell(LEFT, top + 9, INDEX_WIDTH + LABEL_WIDTH, 9, "世帯主", label=True)
    page.cell(LEFT + INDEX_WIDTH + LABEL_WIDTH, top + 9, WIDTH - INDEX_WIDTH - LABEL_WIDTH, 9, HEAD)
    page.box(LEFT, top, WIDTH, 18)
    bottom = member(page, 73.0, 1, HOUSEHOLD[0])
    bottom = member(page, bottom + 4, 2, HOUSEHOLD[1])
    page.text(LEFT + WIDTH, bottom + 8, "（次葉に続く）", 9, align="right")
    footer(page)


def second_front(page):
    front_ground(page)
    header(page, "2／2")
    bottom = member(page, 51.0, 3, HOUSEHOLD[2])
    bottom = member(page, bottom + 4, 4, HOUSEHOLD[3])
    page.text(LEFT + WIDTH, bottom + 7, "（以下余白）", 9, align="right")
    page.text(LEFT + 6, bottom + 17,
              "この写しは、世帯全員の住民票の原本と相違ないことを証明する。", 11.5)
    page.text(LEFT + 14, bottom + 29, ISSUE_DATE, 11.5)
    page.text(LEFT + 78, bottom + 41, "架空県架空市長", 12)
    page.text(LEFT + 122, bottom + 41, "見本 次郎", 14)
    seal(page, LEFT + 150, bottom + 26)
    footer(page)


def back(page):
    """The scrambled image. It is a fixed keystream and hides no picture of the front."""
    canvas = page.canvas
    page.text(PAGE_WIDTH / 2, 17, "偽造防止検出画像・スクランブル画像（裏面）", 13, "Gothic",
              align="centre")
    page.text(PAGE_WIDTH / 2, 24,
              "この面の画像は、表面の改ざんを検出するための画像を模したものです。", 8.5,
              align="centre")
    left, top = (PAGE_WIDTH - SCRAMBLE_SIZE[0]) / 2, 34.0
    page.image("scramble", left, top, *SCRAMBLE_SIZE, colour="#2b3a4a")
    page.box(left - 1, top - 1, SCRAMBLE_SIZE[0] + 2, SCRAMBLE_SIZE[1] + 2, 0.9)
    for x in (left, left + SCRAMBLE_SIZE[0] - 12):
        for y in (top, top + SCRAMBLE_SIZE[1] - 12):
            registration_mark(page, x, y)

    # The words must be readable upon the noise: each stands on a white band of its own.
    for centre in (top + 46, top + 102, top + 158):
        canvas.saveState()
        canvas.setFillColor(HexColor("#ffffff"))
        canvas.rect((left + 22) * mm, page.y(centre + 11), (SCRAMBLE_SIZE[0] - 44) * mm, 22 * mm,
                    stroke=0, fill=1)
        canvas.restoreState()
        page.text(PAGE_WIDTH / 2, centre + 5.2, SPECIMEN, 42, "Gothic", "#c0392b", "centre")

    bottom = top + SCRAMBLE_SIZE[1]
    page.text(LEFT + 5, bottom + 11, "（注意）", 9, "Gothic")
    page.text(LEFT + 22, bottom + 11,
              "この書面は、ソフトウェアの試験のために作られた架空の見本であり、効力はありません。", 9)
    page.text(LEFT + 22, bottom + 17,
              "画像は固定の種から作られた乱数で、表面の内容は含まれていません。", 9)
    page.text(LEFT + 22, bottom + 23,
              "記載された自治体・住所・人物は実在しません。", 9)
    footer(page)


def header(page, number):
    page.text(LEFT, 16, f"発行番号 {ISSUE_NUMBER}", 8.5)
    page.text(LEFT, 21, f"交付端末 {KIOSK}", 8.5)
    page.text(LEFT + WIDTH, 16, number, 10, align="right")
    page.text(PAGE_WIDTH / 2, 30, "住民票の写し", 24, align="centre", spacing=5)
    page.text(PAGE_WIDTH / 2, 38, "（世帯全員）", 10, align="centre")
    page.text(LEFT + WIDTH, 45, "架空県架空市", 12, align="right")
    guilloche(page, LEFT, WIDTH, 47.5)
    canvas = page.canvas
    canvas.saveState()
    canvas.setStrokeColor(HexColor("#c0392b"))
    canvas.setLineWidth(1.1)
    canvas.rect(LEFT * mm, page.y(43), 43 * mm, 10 * mm)
    canvas.restoreState()
    page.text(LEFT + 21.5, 40.1, SPECIMEN, 15, "Gothic", "#c0392b", "centre")


def footer(page):
    page.text(PAGE_WIDTH / 2, 286,
              "見本 SPECIMEN ・ この証明書は架空のものであり、いかなる効力もありません。", 8.5,
              "Gothic", "#c0392b", "centre")


def member(page, top, number, fields):
    """One member of the household as a ruled block; gives the block's lower edge."""
    (reading, name, relation, sex, birth, resident, fixed, notified, former, remarks) = fields
    rows = [
        (7, [("フリガナ", reading), ("続柄", relation)]),
        (12, [("氏名", name), ("性別", sex)]),
        (9, [("生年月日", birth), ("住民となった年月日", resident)]),
        (9, [("住所を定めた年月日", fixed), ("届出の年月日", notified)]),
        (9, [("本籍", DOMICILE), ("筆頭者", HEAD)]),
        (9, [("前住所", former)]),
        (9, [("個人番号", "省略"), ("住民票コード", "省略")]),
        (12, [("備考", remarks)]),
    ]
    y = top
    for height, pairs in rows:
        x = LEFT + INDEX_WIDTH
        for position, (label, value) in enumerate(pairs):
            page.cell(x, y, LABEL_WIDTH, height, label, label=True)
            x += LABEL_WIDTH
            last = position == len(pairs) - 1
            width = LEFT + WIDTH - x if last else MIDDLE_WIDTH
            page.cell(x, y, width, height, value, size=15 if label == "氏名" else 10.5)
            x += width
        y += height
    page.cell(LEFT, top, INDEX_WIDTH, y - top, str(number), label=True, size=12)
    page.box(LEFT, top, WIDTH, y - top)
    return y


def seal(page, left, top):
    """The mayor's printed seal, with the word for specimen where a real one has its office."""
    canvas = page.canvas
    canvas.saveState()
    canvas.setStrokeColor(HexColor("#c0392b"))
    canvas.setLineWidth(1.8)
    canvas.roundRect(left * mm, page.y(top + 21), 21 * mm, 21 * mm, 1.2 * mm)
    canvas.restoreState()
    # Columns run from right to left, as on a seal.
    baselines = {3: (6.2, 12.7, 19.2), 2: (8.0, 17.4)}
    for column, characters in enumerate(("架空市", "長之印", "見本")):
        for character, baseline in zip(characters, baselines[len(characters)]):
            page.text(left + 17.2 - 6.7 * column, top + baseline, character, 16.5, "Mincho",
                      "#c0392b", "centre")


if __name__ == "__main__":
    sys.exit(main())

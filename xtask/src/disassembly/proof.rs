//! What must hold for each function of the shipped library that wipes: executed on the [machine](Machine), it stores zero in every
//! byte of its range, loads every byte after the last store to it, touches nothing else, and notices a byte that does not change.

use super::listing::Function;
use super::machine::Machine;

/// What a function is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Wipes a range of `from` to `to` bytes, `vector` bytes at a time.
    Range { from: usize, to: usize, vector: usize },
    /// Wipes eight words.
    Words,
}

/// Alignments of ranges.
const ALIGNMENTS: [usize; 7] = [0, 1, 7, 15, 31, 33, 63];
/// The longest range: beyond everything at which a path changes what it does.
const LONGEST: usize = 18 * 1024;
/// Ranges in which a byte is stuck at every place; in longer ones at some.
const EVERY_PLACE: usize = 600;

/// The proof for a function that wipes alone.
pub fn of_wipe(function: &Function, kind: Kind) -> Result<(), String> {
    for length in kind.lengths() {
        for alignment in kind.alignments().iter().copied() {
            let mut machine = Machine::new(alignment, length);
            let case = |what: &str| format!("{}, {length} bytes at alignment {alignment}: {what}", function.name);
            match machine.call(function, [machine.start(), length as u64]) {
                Ok(0) => {}
                Ok(_) => return Err(case("it says that a byte stayed, and none did")),
                Err(reason) => return Err(case(&reason)),
            }
            if let Some(place) = machine.first_unproven() {
                return Err(case(&format!("byte {place} was not stored and then loaded")));
            }
        }
    }
    for length in kind.lengths().into_iter().step_by(kind.stride()) {
        let step = if length <= EVERY_PLACE { 1 } else { 509 };
        for place in (0..length).step_by(step).chain([length - 1]) {
            let mut machine = Machine::new(kind.alignments()[place % kind.alignments().len()], length);
            machine.stick(place);
            if machine.call(function, [machine.start(), length as u64])? == 0 {
                return Err(format!("{}, {length} bytes: it does not notice that byte {place} stayed", function.name));
            }
        }
    }
    Ok(())
}

/// The proof for the two walks over cells: one that overwrites and counts what was there, one that counts what stayed.
pub fn of_walks(clear: &Function, count: &Function) -> Result<(), String> {
    const CELL: usize = 32;
    for cells in [0, 1, 2, 5, 64] {
        for stuck in [None, Some(0), Some(cells * CELL / 2), Some((cells * CELL).saturating_sub(1))] {
            let stuck = stuck.filter(|_| cells > 0);
            let mut machine = Machine::new(0, cells * CELL);
            // Every third cell is empty before; the others hold one byte, but for the one in which a byte stays: it is full.
            let full = |cell: usize| stuck.is_some_and(|place| place / CELL == cell);
            let empty = |cell: usize| cell % 3 == 1 && !full(cell);
            for place in 0..cells * CELL {
                let (cell, byte) = (place / CELL, place % CELL);
                if !full(cell) && (empty(cell) || byte != cell * 11 % CELL) {
                    machine.set(place, 0);
                }
            }
            if let Some(place) = stuck {
                machine.stick(place);
            }
            let expected = ((0..cells).filter(|cell| !empty(*cell)).count() as u64, u64::from(stuck.is_some()));
            let arguments = [machine.start(), cells as u64];
            let found = (machine.call(clear, arguments)?, machine.call(count, arguments)?);
            let case = format!("{} and {}, {cells} cells, stuck {stuck:?}", clear.name, count.name);
            if found != expected {
                return Err(format!("{case}: counted {found:?} instead of {expected:?}"));
            }
            if let Some(place) = machine.first_unproven().filter(|_| stuck.is_none()) {
                return Err(format!("{case}: byte {place} was not stored and then loaded"));
            }
        }
    }
    Ok(())
}

/// The proof of the proof: without any one of its loads or stores, the function does not pass. How many there are.
pub fn every_access_matters(
    function: Function,
    proof: impl Fn(&Function) -> Result<(), String>,
) -> Result<usize, String> {
    let mut function = function;
    let mut accesses = 0;
    for index in 0..function.instructions.len() {
        let instruction = &mut function.instructions[index];
        let accesses_memory = instruction.operands.iter().any(|operand| operand.contains('['));
        if !accesses_memory || matches!(instruction.mnemonic.as_str(), "lea" | "prefetchw") {
            continue;
        }
        accesses += 1;
        let kept = std::mem::replace(&mut instruction.mnemonic, "nop".to_owned());
        if proof(&function).is_ok() {
            let address = function.instructions[index].address;
            return Err(format!("{}: the check does not miss the {kept} at {address:x}", function.name));
        }
        function.instructions[index].mnemonic = kept;
    }
    if accesses == 0 { Err(format!("{} accesses no memory", function.name)) } else { Ok(accesses) }
}

impl Kind {
    /// All short lengths, those around a block of four vectors, and some that are long enough for every loop.
    fn lengths(self) -> Vec<usize> {
        let (from, to, vector) = match self {
            Self::Words => return vec![32],
            Self::Range { from, to, vector } => (from, to, vector),
        };
        let short = from..=vector * 14;
        let long = [3584 + vector * 6 + 1, 4096 + 5, 8192 - 3, LONGEST - 1, LONGEST];
        // The long ones second: whatever is wrong with a loop is found before everything else was tried.
        let mut all: Vec<usize> =
            [vector, vector * 2 + 1, vector * 4 + 1, vector * 9 + 3].into_iter().chain(long).collect();
        all.extend(short);
        all.retain(|length| (from..=to).contains(length));
        all
    }

    /// Of how many lengths one is tried with a byte stuck at every place: odd, so that no alignment to a vector is left out.
    fn stride(self) -> usize {
        match self {
            Self::Words => 1,
            Self::Range { vector, .. } => vector / 2 - 1,
        }
    }

    fn alignments(self) -> &'static [usize] {
        match self {
            Self::Words => &[0, 4],
            Self::Range { .. } => &ALIGNMENTS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::listing::{Function, parse};
    use super::*;

    /// What the compiler made of the function for eight words.
    const WORDS: &str = "
0000000000001000 <shokyo::wipe::store::imp::wipe_words>:
    1000:\txor    eax,eax
    1002:\tmov    DWORD PTR [rdi],eax
    1004:\tmov    DWORD PTR [rdi+0x4],eax
    1007:\tmov    DWORD PTR [rdi+0x8],eax
    100a:\tmov    DWORD PTR [rdi+0xc],eax
    100d:\tmov    DWORD PTR [rdi+0x10],eax
    1010:\tmov    DWORD PTR [rdi+0x14],eax
    1013:\tmov    DWORD PTR [rdi+0x18],eax
    1016:\tmov    DWORD PTR [rdi+0x1c],eax
    1019:\tmfence
    101c:\tor     eax,DWORD PTR [rdi]
    101e:\tor     eax,DWORD PTR [rdi+0x4]
    1021:\tor     eax,DWORD PTR [rdi+0x8]
    1024:\tor     eax,DWORD PTR [rdi+0xc]
    1027:\tor     eax,DWORD PTR [rdi+0x10]
    102a:\tor     eax,DWORD PTR [rdi+0x14]
    102d:\tor     eax,DWORD PTR [rdi+0x18]
    1030:\tor     eax,DWORD PTR [rdi+0x1c]
    1033:\tcmp    rax,0x1
    1037:\tsbb    rax,rax
    103a:\tadd    rax,0x1
    103e:\tret
";

    /// Two overlapping vectors.
    const SHORT: &str = "
0000000000002000 <shokyo::wipe::store::imp::wipe_avx>:
    2000:\tlea    r8,[rdi+rsi*1]
    2004:\tvxorps xmm0,xmm0,xmm0
    2008:\tvxorps xmm1,xmm1,xmm1
    200c:\tvmovups YMMWORD PTR [rdi],ymm0
    2010:\tvmovups YMMWORD PTR [r8-0x20],ymm0
    2016:\tvorps  ymm1,ymm1,YMMWORD PTR [rdi]
    201a:\tvorps  ymm1,ymm1,YMMWORD PTR [r8-0x20]
    2020:\txor    eax,eax
    2022:\tvptest ymm1,ymm1
    2027:\tsetne  al
    202a:\tvxorps xmm1,xmm1,xmm1
    202e:\tvzeroupper
    2031:\tret
";

    const TWO_VECTORS: Kind = Kind::Range { from: 32, to: 64, vector: 32 };

    fn function(text: &str) -> Function {
        parse(text).remove(0)
    }

    fn proof(text: &str) -> Result<(), String> {
        let kind = if text.contains("wipe_words") { Kind::Words } else { TWO_VECTORS };
        of_wipe(&function(text), kind)
    }

    /// Without the lines that contain this.
    fn without(text: &str, part: &str) -> String {
        text.lines().filter(|line| !line.contains(part)).map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn stores_that_are_all_read_back_pass() {
        assert_eq!(proof(WORDS), Ok(()));
        assert_eq!(proof(SHORT), Ok(()));
    }

    #[test]
    fn without_the_loads_nothing_passes() {
        assert!(proof(&without(WORDS, "or     eax,DWORD")).unwrap_err().contains("not stored and then loaded"));
        assert!(proof(&without(SHORT, "vorps  ymm1")).unwrap_err().contains("not stored and then loaded"));
    }

    #[test]
    fn without_any_one_load_or_store_nothing_passes() {
        assert_eq!(every_access_matters(function(WORDS), |function| of_wipe(function, Kind::Words)), Ok(16));
        assert_eq!(every_access_matters(function(SHORT), |function| of_wipe(function, TWO_VECTORS)), Ok(4));
        // An access too many: nobody would notice its absence.
        let twice = SHORT.replacen("    2016:", "    2014:\tvmovups YMMWORD PTR [rdi],ymm0\n    2016:", 1);
        assert!(every_access_matters(function(&twice), |function| of_wipe(function, TWO_VECTORS)).is_err());
    }

    #[test]
    fn loads_before_the_stores_do_not_pass() {
        let lines: Vec<&str> = WORDS.lines().collect();
        let (stores, loads): (Vec<_>, Vec<_>) =
            lines.iter().copied().partition(|line| line.contains("mov    DWORD") || line.contains("mfence"));
        let early: Vec<&str> = [&loads[..11], &stores, &loads[11..]].concat();
        assert!(proof(&early.join("\n")).is_err());
    }

    #[test]
    fn what_touches_a_byte_outside_does_not_pass() {
        assert!(proof(&WORDS.replace("[rdi+0x1c]", "[rdi+0x20]")).unwrap_err().contains("outside of the range"));
        assert!(proof(&SHORT.replace("[r8-0x20]", "[r8-0x1f]")).unwrap_err().contains("outside of the range"));
    }

    #[test]
    fn an_answer_that_does_not_come_from_the_loads_does_not_pass() {
        let deaf = SHORT.replace("setne  al", "nop");
        assert!(proof(&deaf).unwrap_err().contains("does not notice"));
    }

    #[test]
    fn what_was_loaded_must_not_stay_in_a_register() {
        let kept = without(SHORT, "202a:");
        assert!(proof(&kept).unwrap_err().contains("in a vector register"));
    }

    #[test]
    fn an_instruction_that_is_not_known_does_not_pass() {
        assert!(proof(&SHORT.replace("vzeroupper", "clflush BYTE PTR [rdi]")).unwrap_err().contains("does not know"));
    }
}

//! What `objdump` prints, as functions and instructions.

/// One function of a listing.
#[derive(Debug)]
pub struct Function {
    /// The demangled name without the hash that the compiler adds.
    pub name: String,
    pub instructions: Vec<Instruction>,
}

/// One instruction.
#[derive(Debug)]
pub struct Instruction {
    pub address: u64,
    pub mnemonic: String,
    /// As printed, without the note in angle brackets behind an address.
    pub operands: Vec<String>,
    /// The function that the note names: a call's or jump's target, or one whose address is taken.
    pub target: Option<String>,
}

/// Reads what `objdump --disassemble --demangle --disassembler-options=intel --no-show-raw-insn` printed.
pub fn parse(text: &str) -> Vec<Function> {
    let mut functions: Vec<Function> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_suffix(">:").and_then(|line| line.split_once(" <")) {
            functions.push(Function { name: plain(name.1), instructions: Vec::new() });
        } else if let (Some(function), Some(instruction)) = (functions.last_mut(), instruction(line)) {
            function.instructions.push(instruction);
        }
    }
    functions
}

impl Function {
    /// The name's last part.
    pub fn short_name(&self) -> &str {
        self.name.rsplit("::").next().unwrap_or(&self.name)
    }
}

/// An address, a colon and a tab; the mnemonic and its operands; a note that names what an address means.
fn instruction(line: &str) -> Option<Instruction> {
    let (address, text) = line.split_once(":\t")?;
    let address = u64::from_str_radix(address.trim(), 16).ok()?;
    let (text, target) = match text.split_once(" <") {
        Some((text, note)) => (text, note.rsplit_once('>').map(|(note, _)| plain(without_offset(note)))),
        None => (text, None),
    };
    // The note of an address that is relative to the instruction follows a number sign.
    let text = text.split(" #").next().unwrap_or(text).trim();
    let (mnemonic, operands) = text.split_once(' ').unwrap_or((text, ""));
    let operands = operands.split(',').map(|operand| operand.trim().to_owned());
    Some(Instruction {
        address,
        mnemonic: mnemonic.to_owned(),
        operands: operands.filter(|operand| !operand.is_empty()).collect(),
        target,
    })
}

fn without_offset(note: &str) -> &str {
    note.rsplit_once("+0x").map_or(note, |(name, _)| name)
}

/// Without `::h0123456789abcdef` and whatever the optimiser adds after a dot.
fn plain(name: &str) -> String {
    let is_hash =
        |part: &str| part.len() == 17 && part.starts_with('h') && part[1..].bytes().all(|b| b.is_ascii_hexdigit());
    let name = name.split(".llvm.").next().unwrap_or(name);
    match name.rsplit_once("::") {
        Some((rest, hash)) if is_hash(hash) => rest.to_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
Disassembly of section .text:

0000000000001000 <one::two::h0123456789abcdef.llvm.12345>:
    1000:\tvporq  zmm17,zmm17,ZMMWORD PTR [r8-0x40]
    1006:\tjb     77a7b <one::three::h0123456789abcdef+0x1c3>
    100c:\tlea    rdi,[rip+0x63c40]        # 63c40 <one::four>
    1013:\tret

0000000000001014 <c_function>:
    1014:\tint3
";

    #[test]
    fn functions_operands_and_targets_are_read() {
        let functions = parse(TEXT);
        assert_eq!(functions.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["one::two", "c_function"]);
        assert_eq!(functions[0].short_name(), "two");
        let first = &functions[0].instructions;
        assert_eq!(first.len(), 4);
        assert_eq!(first[0].operands, ["zmm17", "zmm17", "ZMMWORD PTR [r8-0x40]"]);
        assert_eq!((first[1].operands[0].as_str(), first[1].target.as_deref()), ("77a7b", Some("one::three")));
        assert_eq!((first[2].operands[1].as_str(), first[2].target.as_deref()), ("[rip+0x63c40]", Some("one::four")));
        assert_eq!((first[3].mnemonic.as_str(), first[3].address), ("ret", 0x1013));
    }
}

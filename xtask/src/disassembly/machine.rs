//! A processor that knows the few instructions that a wipe is made of, and watches over every byte that they touch.
//!
//! It executes what the shipped library consists of, one instruction after the other, also with registers that the processor at hand
//! does not have. It must never guess: an instruction that it does not know, or an access outside the range, is an error.

use super::listing::{Function, Instruction};

/// Where the range lies, before its alignment is added.
const BASE: u64 = 0x10_0000;
/// More instructions than any call may take.
const PATIENCE: usize = 200_000;
const LEGACY: [&str; 8] = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];

/// One byte of the range.
#[derive(Clone, Copy)]
struct Byte {
    value: u8,
    /// Keeps its value whatever is stored.
    stuck: bool,
    stored: bool,
    /// Loaded after the last store.
    checked: bool,
}

/// A machine with one range of memory.
pub struct Machine {
    start: u64,
    memory: Vec<Byte>,
    general: [u64; 16],
    vectors: [[u8; 64]; 32],
    masks: [u64; 8],
    zero: bool,
    carry: bool,
}

/// A register of either kind, or memory.
enum Place {
    General(usize, usize),
    Vector(usize, usize),
    Mask(usize),
    Memory(u64, usize),
    Value(u64),
}

impl Machine {
    /// A machine whose range begins `alignment` bytes after a multiple of a page and holds the value 0xEE everywhere.
    pub fn new(alignment: usize, length: usize) -> Self {
        let byte = Byte { value: 0xEE, stuck: false, stored: false, checked: false };
        Self {
            start: BASE + alignment as u64,
            memory: vec![byte; length],
            // What registers hold before a call is somebody else's.
            general: [0x5555_5555_5555_5555; 16],
            vectors: [[0; 64]; 32],
            masks: [0; 8],
            zero: false,
            carry: false,
        }
    }

    /// The address of the range.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Makes a byte keep what it holds.
    pub fn stick(&mut self, place: usize) {
        self.memory[place].stuck = true;
    }

    /// Gives a byte a value.
    pub fn set(&mut self, place: usize, value: u8) {
        self.memory[place].value = value;
    }

    /// The first byte that does not hold zero, was never stored, or was not loaded after the last store.
    pub fn first_unproven(&self) -> Option<usize> {
        self.memory.iter().position(|byte| byte.value != 0 || !byte.stored || !byte.checked)
    }

    /// Calls a function as the System V ABI does; what it returns.
    pub fn call(&mut self, function: &Function, arguments: [u64; 2]) -> Result<u64, String> {
        [self.general[7], self.general[6]] = arguments;
        let mut next = 0;
        for _ in 0..PATIENCE {
            let instruction = function.instructions.get(next).ok_or("it runs past its end")?;
            if instruction.mnemonic == "ret" {
                return self.returned();
            }
            let at = |reason: String| format!("{:x} {}: {reason}", instruction.address, shown(instruction));
            next = match self.step(instruction).map_err(at)? {
                None => next + 1,
                Some(address) => {
                    let found = function.instructions.iter().position(|other| other.address == address);
                    found.ok_or_else(|| at("jumps out of the function".into()))?
                }
            };
        }
        Err("it does not end".into())
    }

    /// Nothing that was loaded may stay in a register.
    fn returned(&self) -> Result<u64, String> {
        let clean = self.vectors.iter().flatten().all(|byte| *byte == 0) && self.masks.iter().all(|mask| *mask == 0);
        if clean { Ok(self.general[0]) } else { Err("it leaves something in a vector register".into()) }
    }

    /// Executes one instruction; where it jumps to.
    fn step(&mut self, instruction: &Instruction) -> Result<Option<u64>, String> {
        let operands: Vec<Place> =
            instruction.operands.iter().map(|text| self.place(text)).collect::<Result<_, String>>()?;
        let name = instruction.mnemonic.as_str();
        match (name, operands.as_slice()) {
            ("nop" | "mfence", _) => {}
            ("vzeroupper", []) => self.vectors[..16].iter_mut().for_each(|vector| vector[16..].fill(0)),
            ("jmp" | "ja" | "jae" | "jb" | "jbe" | "je" | "jne", [_]) => {
                let taken = name == "jmp" || self.condition(&name[1..]);
                let target = instruction.operands.first().and_then(|text| u64::from_str_radix(text, 16).ok());
                return if taken { target.map(Some).ok_or("jumps to an unknown place".into()) } else { Ok(None) };
            }
            ("setne" | "sete", [to]) => {
                let value = u64::from(self.condition(&name[3..]));
                self.put_number(to, value)?;
            }
            ("lea", [to, Place::Memory(address, _)]) => self.put_number(to, *address)?,
            // A hint: no byte is read or written, and none outside the range may even be named.
            ("prefetchw", [Place::Memory(address, _)]) => drop(self.range(*address, 1)?),
            ("mov", [to, from]) => {
                let value = self.number(from)?;
                self.put_number(to, value)?;
            }
            ("add" | "sub" | "sbb" | "adc" | "cmp" | "and" | "or" | "xor" | "test" | "dec", [to, from @ ..]) => {
                self.arithmetic(name, to, from)?;
            }
            _ => self.vector(name, &operands)?,
        }
        Ok(None)
    }

    fn condition(&self, name: &str) -> bool {
        match name {
            "a" => !self.carry && !self.zero,
            "ae" => !self.carry,
            "b" => self.carry,
            "be" => self.carry || self.zero,
            "e" => self.zero,
            _ => !self.zero,
        }
    }

    fn arithmetic(&mut self, name: &str, to: &Place, from: &[Place]) -> Result<(), String> {
        let bits = 8 * size(to)? as u32;
        let mask = u64::MAX >> (64 - bits);
        let (left, carried) = (self.number(to)?, u64::from(self.carry));
        let right = match from {
            [from] => self.number(from)? & mask,
            _ => 1,
        };
        let wide = |value: u128| (value as u64 & mask, value > u128::from(mask));
        let sum = |extra| wide(u128::from(left) + u128::from(right) + u128::from(extra));
        let difference = |extra: u64| {
            let borrowed = u128::from(left) < u128::from(right) + u128::from(extra);
            (left.wrapping_sub(right).wrapping_sub(extra) & mask, borrowed)
        };
        let (value, carry) = match name {
            "add" => sum(0),
            "adc" => sum(carried),
            "sub" | "cmp" => difference(0),
            "sbb" => difference(carried),
            "dec" => (difference(0).0, self.carry),
            "and" | "test" => (left & right, false),
            "or" => (left | right, false),
            _ => (left ^ right, false),
        };
        (self.zero, self.carry) = (value == 0, carry);
        if matches!(name, "cmp" | "test") { Ok(()) } else { self.put_number(to, value) }
    }

    fn vector(&mut self, name: &str, operands: &[Place]) -> Result<(), String> {
        match (name, operands) {
            ("movups" | "movaps" | "vmovups" | "vmovaps" | "vmovdqu64", [to, from]) => {
                if let Place::Memory(address, size) = (if matches!(to, Place::Memory(..)) { to } else { from })
                    && name.ends_with("aps")
                    && address % *size as u64 != 0
                {
                    return Err("an aligned access at an address that is not".into());
                }
                let value = self.bytes(from)?;
                self.put_bytes(to, &value, name.starts_with('v'))
            }
            ("pxor" | "por" | "pcmpeqb", [to, from]) => self.combine(name, to, to, from, false),
            ("vxorps" | "vpxord" | "vorps" | "vporq", [to, left, right]) => self.combine(name, to, left, right, true),
            ("vptest", [left, right]) => {
                let (left, right) = (self.bytes(left)?, self.bytes(right)?);
                self.zero = left.iter().zip(&right).all(|(a, b)| a & b == 0);
                self.carry = left.iter().zip(&right).all(|(a, b)| !a & b == 0);
                Ok(())
            }
            ("vptestmq", [Place::Mask(mask), left, right]) => {
                let (left, right) = (self.bytes(left)?, self.bytes(right)?);
                let both: Vec<u8> = left.iter().zip(&right).map(|(a, b)| a & b).collect();
                let groups = both.chunks(8).enumerate();
                self.masks[*mask] = groups.fold(0, |all, (i, b)| all | u64::from(b.iter().any(|b| *b != 0)) << i);
                Ok(())
            }
            ("kortestw", [Place::Mask(left), Place::Mask(right)]) => {
                let either = (self.masks[*left] | self.masks[*right]) & 0xFFFF;
                (self.zero, self.carry) = (either == 0, either == 0xFFFF);
                Ok(())
            }
            ("kxorw", [Place::Mask(to), Place::Mask(left), Place::Mask(right)]) => {
                self.masks[*to] = (self.masks[*left] ^ self.masks[*right]) & 0xFFFF;
                Ok(())
            }
            ("pmovmskb", [to, from]) => {
                let value = self.bytes(from)?;
                let bits = value.iter().enumerate().fold(0, |all, (i, byte)| all | u64::from(byte >> 7) << i);
                self.put_number(to, bits)
            }
            _ => Err("an instruction that this check does not know".into()),
        }
    }

    fn combine(&mut self, name: &str, to: &Place, left: &Place, right: &Place, clears: bool) -> Result<(), String> {
        let (left, right) = (self.bytes(left)?, self.bytes(right)?);
        let pairs = left.iter().zip(&right);
        let value: Vec<u8> = match name {
            "pxor" | "vxorps" | "vpxord" => pairs.map(|(a, b)| a ^ b).collect(),
            "por" | "vorps" | "vporq" => pairs.map(|(a, b)| a | b).collect(),
            _ => pairs.map(|(a, b)| if a == b { 0xFF } else { 0 }).collect(),
        };
        self.put_bytes(to, &value, clears)
    }

    /// What an operand means. Addresses are computed here.
    fn place(&self, text: &str) -> Result<Place, String> {
        if let Some((kind, address)) = text.split_once('[') {
            let size = match kind.trim().trim_end_matches(" PTR") {
                "ZMMWORD" => 64,
                "YMMWORD" => 32,
                "XMMWORD" => 16,
                "QWORD" => 8,
                "DWORD" => 4,
                "WORD" => 2,
                "BYTE" => 1,
                _ => 0,
            };
            return Ok(Place::Memory(self.address(address.trim_end_matches(']'))?, size));
        }
        if let Some((index, size)) = general(text) {
            return Ok(Place::General(index, size));
        }
        let numbered = |prefix| text.strip_prefix(prefix).and_then(|rest: &str| rest.parse::<usize>().ok());
        for (prefix, size) in [("xmm", 16), ("ymm", 32), ("zmm", 64)] {
            if let Some(index) = numbered(prefix).filter(|index| *index < 32) {
                return Ok(Place::Vector(index, size));
            }
        }
        if let Some(index) = numbered("k").filter(|index| *index < 8) {
            return Ok(Place::Mask(index));
        }
        let digits = text.strip_prefix("0x").unwrap_or(text);
        u64::from_str_radix(digits, 16).map(Place::Value).map_err(|_| format!("an operand that is not known: {text}"))
    }

    /// The sum of `rdi+rsi*1-0x40`.
    fn address(&self, text: &str) -> Result<u64, String> {
        let separated = text.replace('-', "+-");
        separated.split('+').try_fold(0u64, |sum, part| {
            let (part, negative) = part.strip_prefix('-').map_or((part, false), |part| (part, true));
            let value = match (part.strip_prefix("0x"), part.split_once('*').unwrap_or((part, "1"))) {
                (Some(digits), _) => u64::from_str_radix(digits, 16).map_err(|error| error.to_string())?,
                (None, (register, "1")) => match general(register) {
                    Some((index, 8)) => self.general[index],
                    _ => return Err(format!("an address that is not known: {text}")),
                },
                _ => return Err(format!("an address that is not known: {text}")),
            };
            Ok(if negative { sum.wrapping_sub(value) } else { sum.wrapping_add(value) })
        })
    }

    /// The part of the range that an access touches.
    fn range(&mut self, address: u64, size: usize) -> Result<&mut [Byte], String> {
        let outside = || format!("touches {size} bytes at {address:#x}, outside of the range");
        let from = usize::try_from(address.wrapping_sub(self.start)).map_err(|_| outside())?;
        let to = from.checked_add(size).filter(|_| size > 0).ok_or_else(outside)?;
        self.memory.get_mut(from..to).ok_or_else(outside)
    }

    fn bytes(&mut self, from: &Place) -> Result<Vec<u8>, String> {
        match from {
            Place::Vector(index, size) => Ok(self.vectors[*index][..*size].to_vec()),
            Place::Memory(address, size) => {
                let range = self.range(*address, *size)?;
                range.iter_mut().for_each(|byte| byte.checked = byte.stored);
                Ok(range.iter().map(|byte| byte.value).collect())
            }
            Place::General(index, size) => Ok(self.general[*index].to_le_bytes()[..*size].to_vec()),
            Place::Value(value) => Ok(value.to_le_bytes().to_vec()),
            Place::Mask(_) => Err("a mask register where none is expected".into()),
        }
    }

    fn put_bytes(&mut self, to: &Place, value: &[u8], clears: bool) -> Result<(), String> {
        match to {
            Place::Vector(index, size) if value.len() == *size => {
                let vector = &mut self.vectors[*index];
                if clears {
                    vector.fill(0);
                }
                vector[..*size].copy_from_slice(value);
                Ok(())
            }
            Place::Memory(address, size) if value.len() == *size => {
                for (byte, value) in self.range(*address, *size)?.iter_mut().zip(value) {
                    (byte.stored, byte.checked) = (true, false);
                    byte.value = if byte.stuck { byte.value } else { *value };
                }
                Ok(())
            }
            _ => Err("operands of different sizes".into()),
        }
    }

    fn number(&mut self, from: &Place) -> Result<u64, String> {
        let bytes = self.bytes(from)?;
        if bytes.len() > 8 {
            return Err("a vector where a number is expected".into());
        }
        Ok(bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }

    fn put_number(&mut self, to: &Place, value: u64) -> Result<(), String> {
        match *to {
            Place::General(index, size) => {
                let kept = match size {
                    8 | 4 => 0,
                    size => u64::MAX << (8 * size),
                };
                let value = value & u64::MAX >> (64 - 8 * size);
                self.general[index] = self.general[index] & kept | value;
                Ok(())
            }
            Place::Memory(_, size) if (1..=8).contains(&size) => {
                self.put_bytes(to, &value.to_le_bytes()[..size], false)
            }
            _ => Err("a number where none fits".into()),
        }
    }
}

/// The number and the size of a general register. The high halves of the oldest (`ah`) are not known.
fn general(name: &str) -> Option<(usize, usize)> {
    if let Some(rest) = name.strip_prefix('r').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        let digits = rest.trim_end_matches(['d', 'w', 'b']);
        let size = match &rest[digits.len()..] {
            "" => 8,
            "d" => 4,
            "w" => 2,
            _ => 1,
        };
        return digits.parse().ok().filter(|index| (8..16).contains(index)).map(|index| (index, size));
    }
    let position = |name: &str| LEGACY.iter().position(|legacy| *legacy == name);
    if let Some(index) = name.strip_prefix('r').and_then(position) {
        return Some((index, 8));
    }
    if let Some(index) = name.strip_prefix('e').and_then(position) {
        return Some((index, 4));
    }
    let low = ["al", "cl", "dl", "bl"].iter().position(|low| *low == name).map(|index| (index, 1));
    position(name).map(|index| (index, 2)).or(low)
}

fn size(place: &Place) -> Result<usize, String> {
    match *place {
        Place::General(_, size) => Ok(size),
        Place::Memory(_, size) if (1..=8).contains(&size) => Ok(size),
        _ => Err("a number where none fits".into()),
    }
}

fn shown(instruction: &Instruction) -> String {
    format!("{} {}", instruction.mnemonic, instruction.operands.join(","))
}

//! The functions of the C interface as `include/shokyo.h` declares them: what each parameter is follows from its type, so that a function
//! that is added is called without another word here but its name.

use std::collections::BTreeMap;

use super::names::{ADDRESSES, LEFT_OUT, STRUCTS};

const HEADER: &str = include_str!("../../../include/shokyo.h");

/// What a caller gives for a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// A handle of this type.
    Handle(&'static str),
    /// Where a new handle of this type goes.
    NewHandle(&'static str),
    /// A struct that is read: its name and its size in bytes.
    StructIn(&'static str, usize),
    /// A struct that is written.
    StructOut(&'static str, usize),
    /// Bytes that are read. Their length follows.
    BytesIn,
    /// Where bytes go. The room there follows.
    BytesOut,
    /// The length of what went before it.
    Length,
    /// 32 bytes that are read.
    Session,
    /// Where 32 bytes go.
    Place32,
    /// A null-terminated text.
    Text,
    /// Where a number of at most 8 bytes goes.
    NumberOut,
    /// A number of 32 bits, or an index.
    Number,
    /// A number of 64 bits.
    Wide,
    /// A function of the host's.
    Callback,
    /// What that function is given.
    UserData,
}

/// One function.
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Where it is.
    pub address: *const (),
    /// What it takes.
    pub parameters: Vec<Parameter>,
    /// Whether it gives a status.
    pub gives_status: bool,
}

/// Every function that is called.
///
/// # Panics
/// When the header has one that is neither in the list of addresses nor in that of those left out.
#[must_use]
pub fn functions() -> Vec<Function> {
    let addresses: BTreeMap<_, _> = ADDRESSES.iter().map(|(name, address)| (*name, address.0)).collect();
    let mut functions = Vec::new();
    for declaration in declarations() {
        let Some((head, parameters)) = declaration.split_once('(') else { continue };
        let Some(name) = head.split([' ', '*']).next_back().filter(|name| name.starts_with("shokyo_")) else {
            continue;
        };
        if LEFT_OUT.contains(&name) {
            continue;
        }
        let Some((name, address)) = addresses.get_key_value(name) else { panic!("{name} is not in names.rs") };
        let parameters = parameters.trim_end_matches(')').split(',').map(str::trim);
        let mut known: Vec<Parameter> = Vec::new();
        for parameter in parameters.filter(|parameter| *parameter != "void") {
            known.push(kind(parameter, known.last().copied()));
        }
        functions.push(Function {
            name,
            address: *address,
            parameters: known,
            gives_status: head.starts_with("shokyo_status "),
        });
    }
    assert_eq!(functions.len(), ADDRESSES.len(), "a name in names.rs is not in the header");
    functions
}

/// The header's declarations of functions, each in one line.
fn declarations() -> Vec<String> {
    let mut text = String::new();
    let mut rest = HEADER;
    while let Some((before, comment)) = rest.split_once("/*") {
        text.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.contains("extern \"C\""));
    let text = lines.collect::<Vec<_>>().join(" ");
    let statements = text.split(';').map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" "));
    statements.filter(|statement| statement.ends_with(')') && !statement.starts_with("typedef")).collect()
}

/// What a parameter is, by its type, its name and the one before it.
fn kind(parameter: &str, before: Option<Parameter>) -> Parameter {
    let (words, name) = parameter
        .rsplit_once([' ', '*'])
        .map_or((parameter, ""), |(_, name)| (parameter[..parameter.len() - name.len()].trim(), name));
    if let Some(name) = words.strip_prefix("const ").unwrap_or(words).strip_prefix("struct ") {
        let (name, stars) = name.split_once(' ').unwrap_or((name, ""));
        let known = STRUCTS.iter().find(|(known, _)| *known == name);
        return match (known, stars) {
            (Some((name, size)), "*") if words.starts_with("const ") => Parameter::StructIn(name, *size),
            (Some((name, size)), "*") => Parameter::StructOut(name, *size),
            (None, "*") => Parameter::Handle(leaked(name)),
            (None, "**") => Parameter::NewHandle(leaked(name)),
            _ => panic!("a parameter of an unknown kind: {parameter}"),
        };
    }
    match words {
        "const void *" => Parameter::BytesIn,
        "void *" if name == "user_data" => Parameter::UserData,
        "void *" | "char *" => Parameter::BytesOut,
        "const char *" => Parameter::Text,
        "const uint8_t *" => Parameter::Session,
        "uint8_t *" => Parameter::Place32,
        "size_t *" | "uint32_t *" | "uint64_t *" | "bool *" => Parameter::NumberOut,
        "size_t" if matches!(before, Some(Parameter::BytesIn | Parameter::BytesOut)) => Parameter::Length,
        "size_t" | "uint32_t" | "int32_t" => Parameter::Number,
        "uint64_t" => Parameter::Wide,
        words if words.starts_with("shokyo_") => Parameter::Callback,
        _ => panic!("a parameter of an unknown kind: {parameter}"),
    }
}

/// The few names of handles stay as long as the process.
fn leaked(name: &str) -> &'static str {
    Box::leak(name.to_owned().into_boxed_str())
}

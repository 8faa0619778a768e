//! Numbers and layouts as a C compiler has them: a program that prints them is made from the declarations, compiled and run.

use std::fs;

use super::declarations::Declarations;
use crate::call::{Call, Failure};

const FOLDER: &str = "target/abi";
const PREFACE: &str = "\
# What programs that were compiled against include/shokyo.h rely on; struct: size and alignment, field: offset, size and type, in
# bytes on a 64-bit processor. Written by `cargo xtask abi` and compared by `cargo xtask step package`.
";

/// The list, in the header's order.
pub fn interface(declarations: &Declarations) -> Result<String, Failure> {
    fs::create_dir_all(FOLDER).map_err(|error| Failure::new(format!("{FOLDER}: {error}")))?;
    let source = format!("{FOLDER}/layout.c");
    fs::write(&source, program(declarations)).map_err(|error| Failure::new(format!("{source}: {error}")))?;
    let program = format!("{FOLDER}/layout");
    Call::new("cc", "-std=c11 -Wall -Wextra -Werror -Iinclude -o").argument(&program).argument(&source).run()?;
    let mut text = PREFACE.to_owned() + &Call::new(&program, "").output()?;
    text.extend(declarations.opaque.iter().map(|name| format!("opaque {name}\n")));
    let signed = |kind: &str, (name, signature): &(String, String)| format!("{kind} {name} {signature}\n");
    text.extend(declarations.callbacks.iter().map(|callback| signed("callback", callback)));
    text.extend(declarations.functions.iter().map(|function| signed("function", function)));
    Ok(text)
}

fn program(declarations: &Declarations) -> String {
    let mut text = "#include \"shokyo.h\"\n#include <stdio.h>\n\nint main(void)\n{\n".to_owned();
    let mut print = |format: &str, values: &[String]| {
        text += &format!("    printf(\"{format}\\n\", {});\n", values.join(", "));
    };
    for name in &declarations.constants {
        match name.as_str() {
            "SHOKYO_ABI_VERSION" => print("version %lld", &[format!("(long long){name}")]),
            _ => print(&format!("constant {name} %lld"), &[format!("(long long){name}")]),
        }
    }
    for name in &declarations.enumerators {
        print(&format!("enumerator {name} %lld"), &[format!("(long long){name}")]);
    }
    for of in &declarations.structs {
        let name = &of.name;
        print(&format!("struct {name} %zu %zu"), &[format!("sizeof({name})"), format!("_Alignof({name})")]);
        for (field, kind) in &of.fields {
            let values = [format!("offsetof({name}, {field})"), format!("sizeof((({name} *)0)->{field})")];
            print(&format!("field {name}.{field} %zu %zu {kind}"), &values);
        }
    }
    text + "    return 0;\n}\n"
}

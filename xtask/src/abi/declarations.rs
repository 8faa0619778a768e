//! What the header declares, read from its text: cbindgen writes it, so a few forms are all that there are, and another is an error.

/// Everything that the header declares.
#[derive(Default, Debug, PartialEq, Eq)]
pub struct Declarations {
    /// Names of constants that are macros.
    pub constants: Vec<String>,
    /// Names of enumerators.
    pub enumerators: Vec<String>,
    /// Structs with their fields.
    pub structs: Vec<Struct>,
    /// Types whose inside the header does not show.
    pub opaque: Vec<String>,
    /// Functions, and the types of callbacks: name, and result and parameters without their names.
    pub functions: Vec<(String, String)>,
    pub callbacks: Vec<(String, String)>,
}

/// A public struct.
#[derive(Debug, PartialEq, Eq)]
pub struct Struct {
    pub name: String,
    /// Names and types.
    pub fields: Vec<(String, String)>,
}

impl Declarations {
    /// Reads the header; the declaration that was not understood otherwise.
    pub fn read(header: &str) -> Result<Self, String> {
        let text = without_comments(header);
        let mut found = Self::default();
        let mut code = String::new();
        for line in text.lines().map(str::trim) {
            match line.strip_prefix('#') {
                Some(directive) => found.constants.extend(constant(directive)),
                // As C sees it, which has no other names for it.
                None if line == ": int32_t" || line == "extern \"C\" {" || line == "}" => {}
                None => {
                    code.push_str(line);
                    code.push(' ');
                }
            }
        }
        let mut rest = code.trim();
        while !rest.is_empty() {
            let end = end_of_declaration(rest).ok_or_else(|| rest.to_owned())?;
            let (declaration, after) = rest.split_at(end);
            found.take(declaration.trim()).ok_or_else(|| declaration.to_owned())?;
            rest = after.trim_start_matches([';', ' ']);
        }
        Ok(found)
    }

    /// The functions' names in order.
    pub fn function_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.functions.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    fn take(&mut self, declaration: &str) -> Option<()> {
        if let Some(rest) = declaration.strip_prefix("enum ") {
            let (_, body) = rest.strip_suffix('}')?.split_once('{')?;
            for enumerator in body.split(',') {
                self.enumerators.push(enumerator.split_once('=')?.0.trim().to_owned());
            }
        } else if let Some(rest) = declaration.strip_prefix("typedef struct ") {
            match rest.split_once('{') {
                Some((name, body)) => {
                    let (body, _) = body.rsplit_once('}')?;
                    let fields = body.split(';').map(str::trim).filter(|field| !field.is_empty());
                    let fields = fields.map(field).collect::<Option<_>>()?;
                    self.structs.push(Struct { name: name.trim().to_owned(), fields });
                }
                None => self.opaque.push(rest.split(' ').next()?.to_owned()),
            }
        } else if let Some(rest) = declaration.strip_prefix("typedef ") {
            // The number behind an enumeration has two forms, one for each age of C.
            if let Some((result, callback)) = rest.split_once("(*") {
                let (name, parameters) = callback.split_once(")(")?;
                let signature = format!("{}({}", result.trim(), types(parameters)?);
                self.callbacks.push((name.to_owned(), signature));
            } else if !rest.ends_with("_status") {
                return None;
            }
        } else {
            let (start, parameters) = declaration.split_once('(')?;
            let place = start.rfind([' ', '*'])? + 1;
            let (result, name) = start.split_at(place);
            self.functions.push((name.to_owned(), format!("{}({}", result.trim(), types(parameters)?)));
        }
        Some(())
    }
}

/// The name of a constant; nothing for other directives, and for the guard, which has no value.
fn constant(directive: &str) -> Option<String> {
    let mut words = directive.strip_prefix("define ")?.split_whitespace();
    let name = words.next()?;
    words.next().map(|_| name.to_owned())
}

/// Where the first declaration ends: at a semicolon outside of braces.
fn end_of_declaration(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(place, character)| {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return Some(place),
            _ => {}
        }
        None
    })
}

/// A field's name and type.
fn field(text: &str) -> Option<(String, String)> {
    let (text, array) = text.find('[').map_or((text, ""), |place| text.split_at(place));
    let place = text.rfind([' ', '*'])? + 1;
    let (kind, name) = text.split_at(place);
    Some((name.to_owned(), format!("{}{array}", kind.trim())))
}

/// Parameters without their names, up to the closing parenthesis.
fn types(parameters: &str) -> Option<String> {
    let parameters = parameters.strip_suffix(')')?;
    if parameters.contains('(') {
        return None;
    }
    if parameters == "void" {
        return Some("void)".to_owned());
    }
    let types: Option<Vec<String>> = parameters.split(',').map(|one| Some(field(one.trim())?.1)).collect();
    Some(format!("{})", types?.join(", ")))
}

/// The text with a space for each comment.
fn without_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    let code = parts.fold(first, |code, part| code + " " + part.split_once("*/").map_or("", |(_, rest)| rest));
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::Declarations;

    const HEADER: &str = "/** A; file. */\n#ifndef A_H\n#define A_H\n#include <stdint.h>\n/** Of { it. */\n#define A_ONE 1\n\
        enum a_status\n#if defined(__cplusplus)\n  : int32_t\n#endif /* c */\n {\n  /** Zero. */\n  A_OK = 0,\n  A_BAD = 7\n};\n\
        #ifndef __cplusplus\ntypedef int32_t a_status;\n#endif\ntypedef struct a_thing a_thing;\n\
        typedef struct a_info {\n  uint32_t struct_size;\n  uint8_t session[32];\n  const char *words;\n} a_info;\n\
        typedef int32_t (*a_reader)(void *user_data, size_t length);\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\
        const char *a_version(void);\na_status a_open(const struct a_info *info,\n   struct a_thing **thing);\n\
        #ifdef __cplusplus\n}  // extern \"C\"\n#endif\n#endif\n";

    #[test]
    fn every_form_of_declaration_is_read() {
        let found = Declarations::read(HEADER);
        let Ok(found) = found else { panic!("{found:?}") };
        assert_eq!(found.constants, ["A_ONE"]);
        assert_eq!(found.enumerators, ["A_OK", "A_BAD"]);
        assert_eq!(found.opaque, ["a_thing"]);
        let fields = [("struct_size", "uint32_t"), ("session", "uint8_t[32]"), ("words", "const char *")];
        assert_eq!(found.structs[0].name, "a_info");
        assert_eq!(found.structs[0].fields, fields.map(|(name, kind)| (name.to_owned(), kind.to_owned())));
        let pair = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
        assert_eq!(found.callbacks, [pair("a_reader", "int32_t(void *, size_t)")]);
        let open = pair("a_open", "a_status(const struct a_info *, struct a_thing **)");
        assert_eq!(found.functions, [pair("a_version", "const char *(void)"), open]);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        assert!(Declarations::read("union a { int b; };").is_err());
        assert!(Declarations::read("typedef int a;").is_err());
        assert!(Declarations::read("int a").is_err());
    }
}

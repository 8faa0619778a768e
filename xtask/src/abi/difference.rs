//! Two lists of what programs rely on, compared: nothing, only more, or something else than before.

use std::collections::BTreeMap;

/// How the newer list differs.
pub enum Difference {
    /// Not at all.
    None,
    /// It has more, and programs that were compiled before go on working; or its version of the interface is another.
    Grown(String),
    /// Something went or changed under the same version.
    Broken(String),
}

/// Compares the committed list with what is found.
pub fn compare(committed: &str, found: &str) -> Difference {
    if committed == found {
        return Difference::None;
    }
    let (before, now) = (entries(committed), entries(found));
    let raised = before.get("version") != now.get("version");
    let mut lines = String::new();
    let mut broken = false;
    for (name, value) in &before {
        match now.get(name) {
            Some(same) if same == value => {}
            Some(other) => {
                lines += &format!("  - {name} {value}\n  + {name} {other}\n");
                broken |= !grew(name, value, other);
            }
            None => {
                lines += &format!("  - {name} {value}\n");
                broken = true;
            }
        }
    }
    for (name, value) in now.iter().filter(|(name, _)| !before.contains_key(*name)) {
        lines += &format!("  + {name} {value}\n");
    }
    if broken && !raised { Difference::Broken(lines) } else { Difference::Grown(lines) }
}

/// Each line's first two words and the rest of it; of a version the first alone.
fn entries(list: &str) -> BTreeMap<String, String> {
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let words = if line.starts_with("version ") { 1 } else { 2 };
            let mut parts = line.splitn(words + 1, ' ');
            let name: Vec<&str> = parts.by_ref().take(words).collect();
            (name.join(" "), parts.next().unwrap_or_default().to_owned())
        })
        .collect()
}

/// A struct may become larger: its first field says how large the caller's is.
fn grew(name: &str, before: &str, now: &str) -> bool {
    let numbers = |text: &str| {
        let mut numbers = text.split(' ').map(str::parse::<u64>);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    match (name.starts_with("struct "), numbers(before), numbers(now)) {
        (true, Some((size, alignment)), Some((larger, same))) => larger > size && alignment == same,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Difference, compare};

    const LIST: &str =
        "# comment\nversion 1\nconstant A 3\nstruct a 8 4\nfield a.size 0 4 uint32_t\nfunction f int(void)\n";

    fn broken(old: &str, new: &str) -> bool {
        let found = LIST.replace(old, new);
        assert_ne!(found, LIST);
        matches!(compare(LIST, &found), Difference::Broken(_))
    }

    #[test]
    fn what_went_or_changed_breaks() {
        assert!(broken("constant A 3\n", ""));
        assert!(broken("constant A 3", "constant A 4"));
        assert!(broken("struct a 8 4", "struct a 4 4"));
        assert!(broken("struct a 8 4", "struct a 16 8"));
        assert!(broken("field a.size 0 4", "field a.size 4 4"));
        assert!(broken("int(void)", "int(int)"));
        assert!(broken("function f int(void)\n", ""));
    }

    #[test]
    fn what_came_does_not_break_nor_does_a_new_version() {
        assert!(!broken("constant A 3", "constant A 3\nconstant B 4"));
        assert!(!broken("struct a 8 4", "struct a 12 4\nfield a.more 8 4 uint32_t"));
        assert!(!broken("version 1\nconstant A 3", "version 2\nconstant A 4"));
        assert!(matches!(compare(LIST, LIST), Difference::None));
        assert!(matches!(compare(LIST, &LIST.replace("version 1", "version 2")), Difference::Grown(_)));
    }
}

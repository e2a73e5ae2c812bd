//! The options that the pages name in passing, as in `predict --flip`, are options of the programs.

use crate::pages::{self, Shown};
use crate::run::executable;
use std::collections::BTreeMap;
use std::process::Command;

/// The programs whose calls the pages shorten to their name.
const PROGRAMS: [&str; 9] = [
    "augment_preview",
    "convert",
    "evaluate",
    "export",
    "inspect",
    "other_landmarks",
    "predict",
    "render",
    "train",
];

fn help(program: &str) -> String {
    let output = Command::new(executable(program)).arg("--help").output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

/// Whether a text of help has the option as a whole word.
fn has_option(help: &str, option: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    help.match_indices(option).any(|(start, _)| {
        let after = help[start + option.len()..].chars().next();
        !after.is_some_and(is_part)
    })
}

#[test]
fn the_options_that_pages_name_exist() {
    let helps: BTreeMap<&str, String> = PROGRAMS.iter().map(|&name| (name, help(name))).collect();
    let mut found = 0;
    for page in pages::all() {
        for Shown { line, command } in page.spans() {
            let mut words = command.split(' ');
            let Some(help) = words.next().and_then(|name| helps.get(name)) else {
                continue;
            };
            for option in words.filter(|word| word.starts_with("--")) {
                let option = option.split('=').next().unwrap_or_default();
                found += 1;
                let at = format!("{}:{line}", page.name);
                assert!(has_option(help, option), "{at}: `{command}`: no {option}");
            }
        }
    }
    assert!(found > 10, "only {found} options found");
    assert!(!has_option("  --box-kind <KIND>", "--box"));
}

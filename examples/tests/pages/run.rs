//! A command of a page as one of the example programs with its arguments.

use std::path::{Path, PathBuf};

/// A command that runs an example program.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    pub(crate) program: String,
    pub(crate) features: Vec<String>,
    pub(crate) arguments: Vec<String>,
    /// The command before a `|`, whose output the program reads.
    pub(crate) piped_from: Option<String>,
}

impl Run {
    /// `None` if the command is not `cargo run … --example NAME`, alone or after one pipe.
    pub(crate) fn parse(command: &str) -> Option<Self> {
        let (piped_from, command) = match command.split_once(" | ") {
            Some((before, after)) => (Some(before.to_owned()), after),
            None => (None, command),
        };
        // Words are what is between blanks: none of the pages needs more of a shell.
        let is_plain = !command.contains(['\'', '"', '$', '&', ';', '>', '<', '|', '*', '(']);
        let mut words = command.strip_prefix("cargo run ")?.split(' ');
        let (mut program, mut features) = (None, Vec::new());
        loop {
            match words.next() {
                Some("--release") => {}
                // The package of a program. All programs are in one folder.
                Some("-p") => drop(words.next()?),
                Some("--example") => program = Some(words.next()?.to_owned()),
                Some("--features") => features.extend(words.next()?.split(',').map(str::to_owned)),
                Some("--") | None => break,
                Some(_) => return None,
            }
        }
        is_plain.then_some(Self {
            program: program?,
            features,
            arguments: words.map(str::to_owned).collect(),
            piped_from,
        })
    }

    /// The file of the program.
    pub(crate) fn executable(&self) -> PathBuf {
        executable(&self.program)
    }

    pub(crate) fn has(&self, argument: &str) -> bool {
        self.arguments.iter().any(|found| found == argument)
    }
}

/// The file of an example program, next to this test; cargo builds the examples before it runs the tests
/// of their package.
pub(crate) fn executable(program: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    profile.join("examples").join(file)
}

#[test]
fn only_runs_of_programs_are_parsed() {
    let run = Run::parse("a -b | cargo run --release -p x --features f,g --example e -- --out o");
    let expected = Run {
        program: "e".to_owned(),
        features: vec!["f".to_owned(), "g".to_owned()],
        arguments: vec!["--out".to_owned(), "o".to_owned()],
        piped_from: Some("a -b".to_owned()),
    };
    assert_eq!(run, Some(expected));
    let bare = Run::parse("cargo run --release --example e").unwrap();
    assert!(bare.arguments.is_empty() && bare.piped_from.is_none());
    for other in [
        "cargo test --workspace",
        "cargo run --release",
        "cargo run --release --example a -- b && cargo run --release --example c",
        "cargo run --release --bin a",
        "bash build.sh",
    ] {
        assert_eq!(Run::parse(other), None, "{other}");
    }
}

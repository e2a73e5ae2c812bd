//! Runs the commands of each page in a folder of their own, in the order of the page.

use crate::inputs;
use crate::not_run::NOT_RUN;
use crate::pages::{self, Page, Shown};
use crate::run::{Run, executable};
use crate::shortened::{shortened, write_configurations};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

/// What a command of a page is.
enum Kind {
    Runs(Run),
    Listed,
}

/// `None` if the command is neither run nor listed.
fn kind(command: &str) -> Option<Kind> {
    if NOT_RUN.iter().any(|(listed, _)| *listed == command) {
        return Some(Kind::Listed);
    }
    let run = Run::parse(command)?;
    let has_input = run.piped_from.as_deref().is_none_or(inputs::is_prepared);
    has_input.then_some(Kind::Runs(run))
}

/// Runs the commands of a page. The result is a line with the time of each command that ran.
///
/// # Errors
/// Page, line, command and output of the first command that fails: those after it may need its files.
fn run_page(page: &Page) -> Result<String, String> {
    let commands: Vec<(Shown, Run)> = page
        .commands()
        .into_iter()
        .filter_map(|shown| match kind(&shown.command) {
            Some(Kind::Runs(run)) => Some((shown, run)),
            _ => None,
        })
        .collect();
    let mut times = String::new();
    if commands.is_empty() {
        return Ok(times);
    }
    let temporary = tempfile::tempdir().unwrap();
    // Some pages name data beside the checkout.
    let folder = temporary.path().join("checkout");
    std::fs::create_dir(&folder).unwrap();
    write_configurations(&folder);
    inputs::prepare(&page.name, &folder);
    for (Shown { line, command }, run) in commands {
        let at = format!("{}:{line}", page.name);
        let Some(run) = available(&at, &run) else {
            continue;
        };
        let started = Instant::now();
        let standard_input = match &run.piped_from {
            Some(pipe) => inputs::pipe(pipe, &folder),
            None => Stdio::null(),
        };
        let short = shortened(&run);
        let output = Command::new(run.executable())
            .args(&short.arguments)
            .current_dir(&folder)
            .env("FKP_DATA", folder.join("../shared/data"))
            .stdin(standard_input)
            .output()
            .unwrap();
        if !output.status.success() {
            let [stdout, stderr] =
                [output.stdout, output.stderr].map(|b| String::from_utf8_lossy(&b).into_owned());
            let ran = short.arguments.join(" ");
            return Err(format!(
                "{at}: `{command}` failed, run with `{ran}`:\n{stdout}{stderr}"
            ));
        }
        let seconds = started.elapsed().as_secs_f64();
        writeln!(times, "{seconds:6.1} s  {at}: {command}").unwrap();
    }
    Ok(times)
}

/// The program with what the command needs, or `None` and a line on standard error if it was not
/// built.
fn available(at: &str, run: &Run) -> Option<Run> {
    let skipped = |why: &str| {
        // The test harness hides the output of `eprintln!` in a test that passes.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {at}: {why}");
    };
    if !run.executable().is_file() {
        let program = &run.program;
        skipped(&format!(
            "`{program}` is not built; `cargo test --workspace` builds it"
        ));
        return None;
    }
    if run.features.iter().any(|name| name == "research-weights") {
        // All programs are built with the same features, and the help of this one has the models.
        let mut help = Command::new(executable("evaluate"));
        let help = help.arg("--help").output().unwrap();
        if !String::from_utf8_lossy(&help.stdout).contains("research-fast") {
            skipped("built without the feature research-weights; `cargo test --workspace` has it");
            return None;
        }
    }
    Some(run.clone())
}

#[test]
fn every_command_of_the_pages_runs() {
    let queue = Mutex::new(pages::all());
    let (failures, times) = (Mutex::new(Vec::new()), Mutex::new(String::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(4) {
            scope.spawn(|| {
                while let Some(page) = { queue.lock().unwrap().pop() } {
                    match run_page(&page) {
                        Ok(lines) => times.lock().unwrap().push_str(&lines),
                        Err(failure) => failures.lock().unwrap().push(failure),
                    }
                }
            });
        }
    });
    let times = times.into_inner().unwrap();
    println!("{times}");
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(times.lines().count() > 30, "few commands ran:\n{times}");
}

#[test]
fn every_command_is_run_or_listed_with_a_reason() {
    let pages = pages::all();
    let (mut shown, mut unknown) = (BTreeSet::new(), String::new());
    for page in &pages {
        for Shown { line, command } in page.commands() {
            if kind(&command).is_none() {
                writeln!(unknown, "{}:{line}: `{command}`", page.name).unwrap();
            }
            shown.insert(command);
        }
    }
    assert!(
        unknown.is_empty(),
        "neither run nor in tests/pages/not_run.rs:\n{unknown}"
    );
    for (command, reason) in NOT_RUN {
        assert!(
            shown.contains(*command),
            "`{command}` is in tests/pages/not_run.rs and on no page"
        );
        assert!(reason.len() > 10, "{command}");
    }
    for page in inputs::pages() {
        let found = pages.iter().any(|found| found.name == page);
        assert!(found, "tests/pages/inputs.rs has inputs of {page}");
    }
}

/// A command must not hide where the tests do not look for it.
#[test]
fn blocks_name_their_language_and_commands_are_in_blocks_of_sh() {
    let known = ["js", "json", "python", "rust", "sh", "text", "toml"];
    let programs = ["$", "bash", "cargo", "npm", "pip", "python3", "rustup"];
    for page in pages::all() {
        for block in page.blocks() {
            let at = format!("{}:{}", page.name, block.line);
            let language = block.language.as_str();
            assert!(known.contains(&language), "{at}: the language `{language}`");
            let is_command = |word: &str| programs.contains(&word);
            let mut lines = block.code.lines();
            let command = lines.find(|line| line.split_whitespace().any(is_command));
            assert!(
                language == "sh" || command.is_none(),
                "{at}: a command in a block of `{language}`: {command:?}"
            );
        }
    }
}

#[test]
fn a_command_that_fails_is_reported_with_page_line_and_message() {
    let text = "# Page\n\n```sh\ncargo run --release --example render -- --out faces --count 2\n\
                cargo run --release --example evaluate -- --data missing\n```\n";
    let page = Page {
        name: "docs/page.md".to_owned(),
        text: text.to_owned(),
    };
    let failure = run_page(&page).unwrap_err();
    for part in [
        "docs/page.md:5",
        "evaluate",
        "--data missing",
        "error",
        "missing",
    ] {
        assert!(failure.contains(part), "{part}: {failure}");
    }
    assert!(kind("cargo run --release --example a | b").is_none());
    assert!(kind("rm -r folder").is_none());
}

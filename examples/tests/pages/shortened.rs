//! How the test shortens commands that would take minutes, without a change of what they do.

use crate::pages::root;
use crate::run::Run;
use std::path::Path;

/// What happens to the arguments of a program.
enum Change {
    /// The value after an option.
    Value(&'static str, &'static str),
    /// The number after an option is divided, and rounded up.
    Divided(&'static str, usize),
    /// An argument.
    Argument(&'static str, &'static str),
    /// Everything after the beginning of an argument.
    AfterPrefix(&'static str, &'static str),
    /// More arguments, if all of `with` are there and none of `without` is.
    Appended {
        with: &'static [&'static str],
        without: &'static [&'static str],
        arguments: &'static [&'static str],
    },
}

/// Program, change, reason.
const CHANGES: [(&str, Change, &str); 9] = [
    (
        "render",
        Change::Value("--count", "60"),
        "rendering takes milliseconds a face",
    ),
    (
        "train",
        Change::Divided("--epochs", 12),
        "an epoch trains as twelve do; a run that is resumed with more epochs still has more",
    ),
    (
        "train",
        Change::AfterPrefix("rendered:", "40"),
        "rendering takes milliseconds a face",
    ),
    (
        "train",
        Change::Appended {
            with: &["--data"],
            without: &["--config", "--init", "--resume"],
            arguments: &["--config", "examples/configs/tutorial.toml"],
        },
        "the configuration that is the default with data, in its shortened copy",
    ),
    (
        "train",
        Change::Appended {
            with: &[],
            without: &["--data", "--config", "--init", "--resume"],
            arguments: &["--config", "examples/configs/rendered.toml"],
        },
        "the configuration that is the default without data, in its shortened copy",
    ),
    (
        "train",
        Change::Appended {
            with: &["--init"],
            without: &["--config", "--epochs"],
            arguments: &["--epochs", "1"],
        },
        "the configuration is that of the model, and has no file",
    ),
    (
        "other_landmarks",
        Change::Appended {
            with: &[],
            without: &["--epochs"],
            arguments: &["--epochs", "1"],
        },
        "the default is 150 epochs, twice",
    ),
    (
        "packed_speed",
        Change::Argument("1000000", "2000"),
        "a million images are 9 GB",
    ),
    (
        "bench",
        Change::Appended {
            with: &["augment"],
            without: &["--rounds"],
            arguments: &["--rounds", "5"],
        },
        "the times are not those of the page in this build anyway",
    ),
];

/// Values of the copies of `examples/configs` that the commands read, where a file has the key.
const SETTINGS: [(&[&str], i64); 5] = [
    (&["data", "rendered", "train"], 40),
    (&["data", "rendered", "validation"], 16),
    (&["train", "epochs"], 1),
    (&["train", "batch_size"], 8),
    (&["train", "warmup_steps"], 1),
];

/// The command as the test runs it.
pub(crate) fn shortened(run: &Run) -> Run {
    let mut short = run.clone();
    for (program, change, _) in &CHANGES {
        if *program == run.program {
            change.apply(run, &mut short.arguments);
        }
    }
    short
}

impl Change {
    /// Changes `arguments`, those of `run` after the changes before.
    fn apply(&self, run: &Run, arguments: &mut Vec<String>) {
        let value_of = |option: &str| run.arguments.iter().position(|found| found == option);
        match *self {
            Self::Value(option, value) => {
                if let Some(index) = value_of(option) {
                    value.clone_into(&mut arguments[index + 1]);
                }
            }
            Self::Divided(option, by) => {
                if let Some(index) = value_of(option) {
                    let number: usize = arguments[index + 1].parse().unwrap();
                    arguments[index + 1] = number.div_ceil(by).to_string();
                }
            }
            Self::Argument(from, to) => {
                for argument in arguments.iter_mut().filter(|found| *found == from) {
                    to.clone_into(argument);
                }
            }
            Self::AfterPrefix(prefix, rest) => {
                for argument in arguments.iter_mut().filter(|a| a.starts_with(prefix)) {
                    *argument = format!("{prefix}{rest}");
                }
            }
            Self::Appended {
                with,
                without,
                arguments: more,
            } => {
                let has = |argument: &&str| run.has(argument);
                if with.iter().all(has) && !without.iter().any(has) {
                    arguments.extend(more.iter().map(|&argument| argument.to_owned()));
                }
            }
        }
    }
}

/// Writes a shortened copy of each file of `examples/configs` at the same place below `folder`.
pub(crate) fn write_configurations(folder: &Path) {
    let [from, to] = [root(), folder].map(|root| root.join("examples/configs"));
    std::fs::create_dir_all(&to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let mut table: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        for (keys, value) in SETTINGS {
            let (last, tables) = keys.split_last().unwrap();
            let table = tables.iter().try_fold(&mut table, |table, key| {
                table.get_mut(*key).and_then(toml::Value::as_table_mut)
            });
            if let Some(found) = table.and_then(|table| table.get_mut(*last)) {
                *found = value.into();
            }
        }
        let file = to.join(path.file_name().unwrap());
        std::fs::write(file, toml::to_string(&table).unwrap()).unwrap();
    }
}

#[test]
fn a_command_keeps_its_meaning() {
    let check = |command: &str, expected: &str| {
        let run = Run::parse(&format!("cargo run --release --example {command}")).unwrap();
        let short = shortened(&run);
        assert_eq!(short.arguments.join(" "), expected, "{command}");
    };
    check("render -- --out a --count 1200", "--out a --count 60");
    check(
        "train -- --resume a --override --epochs 16 --lr 3e-4",
        "--resume a --override --epochs 2 --lr 3e-4",
    );
    check("train", "--config examples/configs/rendered.toml");
    check(
        "train -- --data a --data rendered:4000",
        "--data a --data rendered:40 --config examples/configs/tutorial.toml",
    );
    check("train -- --data a --init b", "--data a --init b --epochs 1");
    check("train -- --config c --init b", "--config c --init b");
    check("evaluate -- --data a", "--data a");
}

#[test]
fn every_setting_is_in_a_configuration_and_the_copies_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    write_configurations(folder.path());
    let files = crate::pages::files_below(folder.path(), "toml");
    assert!(files.len() >= 10, "{} files", files.len());
    let mut found = [false; SETTINGS.len()];
    for file in files {
        let config = fkp_examples::RunConfig::read(&file).unwrap();
        assert_eq!(config.train.epochs, 1, "{}", file.display());
        let table: toml::Table = std::fs::read_to_string(&file).unwrap().parse().unwrap();
        for ((keys, value), found) in SETTINGS.iter().zip(&mut found) {
            let mut at = Some(&toml::Value::Table(table.clone())).cloned();
            for key in *keys {
                at = at.and_then(|value| value.get(*key).cloned());
            }
            *found |= at.and_then(|found| found.as_integer()) == Some(*value);
        }
    }
    assert_eq!(found, [true; SETTINGS.len()]);
}

//! The pages of the project, the blocks of code on them, and the commands that they show.

use std::path::{Path, PathBuf};

/// A Markdown file of the project.
pub(crate) struct Page {
    /// Its path from the root of the repository, such as `docs/training.md`.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A fenced block of code.
pub(crate) struct Block {
    /// The number of its first line of code in the page, from 1.
    pub(crate) line: usize,
    /// The first word of the fence: `rust` of `rust,no_run`.
    pub(crate) language: String,
    pub(crate) code: String,
}

/// A command of a `sh` block or between backticks, without its comment and with single blanks.
#[derive(Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) line: usize,
    pub(crate) command: String,
}

/// Programs with which code between backticks is a command, if an argument follows.
const PROGRAMS: [&str; 9] = [
    "bash",
    "cargo",
    "mdbook",
    "mpirun",
    "node",
    "npm",
    "pip",
    "python3",
    "tensorboard",
];

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// README.md, the pages of `docs/` and the READMEs of the crates.
pub(crate) fn all() -> Vec<Page> {
    let mut files = vec![root().join("README.md")];
    files.extend(files_below(&root().join("docs"), "md"));
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        files.push(entry.unwrap().path().join("README.md"));
    }
    files.sort();
    files.iter().map(|file| Page::read(file)).collect()
}

/// The files below a folder with an ending of their names.
pub(crate) fn files_below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("node_modules") {
            files.extend(files_below(&path, ending));
        } else if path.extension().is_some_and(|found| found == ending) {
            files.push(path);
        }
    }
    files
}

impl Page {
    fn read(file: &Path) -> Self {
        let name = file.strip_prefix(root()).unwrap();
        let name: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
        Self {
            name: name.join("/"),
            text: std::fs::read_to_string(file).unwrap(),
        }
    }

    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (number, line) in self.text.lines().enumerate() {
            let fence = line.trim_start().strip_prefix("```");
            match (&mut open, fence) {
                (None, Some(info)) => {
                    let language = info.split(',').next().unwrap_or_default();
                    open = Some(Block {
                        line: number + 2,
                        language: language.to_owned(),
                        code: String::new(),
                    });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => {
                    block.code += line;
                    block.code.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block has no end", self.name);
        blocks
    }

    /// The commands in the order of the page.
    pub(crate) fn commands(&self) -> Vec<Shown> {
        let mut commands = Vec::new();
        for block in self.blocks() {
            if block.language == "sh" {
                commands.extend(commands_of_block(&block));
            }
        }
        commands.extend(self.commands_between_backticks());
        commands.sort_by_key(|shown| shown.line);
        commands
    }

    fn commands_between_backticks(&self) -> impl Iterator<Item = Shown> {
        self.spans().into_iter().filter(|span| {
            let words: Vec<&str> = span.command.split(' ').collect();
            // `cargo bench` alone is the name of a subcommand.
            let arguments = if words[0] == "cargo" { 2 } else { 1 };
            PROGRAMS.contains(&words[0]) && words.len() > arguments
        })
    }

    /// All code between backticks.
    pub(crate) fn spans(&self) -> Vec<Shown> {
        let mut spans = Vec::new();
        for (start, paragraph) in self.paragraphs() {
            let mut line = start;
            for (index, part) in paragraph.split('`').enumerate() {
                if index % 2 == 1 {
                    let words: Vec<&str> = part.split_whitespace().collect();
                    let command = words.join(" ");
                    spans.push(Shown { line, command });
                }
                line += part.matches('\n').count();
            }
        }
        spans
    }

    /// The number of the first line of each paragraph and row of a table outside the blocks of code,
    /// and its text.
    fn paragraphs(&self) -> Vec<(usize, String)> {
        let mut paragraphs: Vec<(usize, String)> = Vec::new();
        let (mut in_block, mut ended) = (false, true);
        for (number, line) in self.text.lines().enumerate() {
            let is_fence = line.trim_start().starts_with("```");
            in_block ^= is_fence;
            if in_block || is_fence || line.trim().is_empty() {
                ended = true;
                continue;
            }
            match paragraphs.last_mut() {
                Some((_, text)) if !ended && !line.starts_with('|') => {
                    text.push('\n');
                    text.push_str(line);
                }
                _ => paragraphs.push((number + 1, line.to_owned())),
            }
            ended = false;
        }
        paragraphs
    }
}

/// The lines of a block. A backslash at the end of a line continues it.
fn commands_of_block(block: &Block) -> Vec<Shown> {
    let mut commands = Vec::new();
    let (mut line, mut text) = (block.line, String::new());
    for (index, part) in block.code.lines().enumerate() {
        if text.is_empty() {
            line = block.line + index;
        }
        let code = without_comment(part);
        if let Some(start) = code.strip_suffix('\\') {
            text = text + start + " ";
            continue;
        }
        text += code;
        let words: Vec<&str> = text.split_whitespace().collect();
        if !words.is_empty() {
            let command = words.join(" ");
            commands.push(Shown { line, command });
        }
        text.clear();
    }
    commands
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    line.split(" #").next().unwrap_or_default().trim_end()
}

#[test]
fn commands_are_found_in_blocks_and_between_backticks() {
    let text = "# Page\n\nRun `cargo run --release\n--example a -- b`, then `cargo test`:\n\n\
                ```sh\n# first\ncargo run   x  # why\ncargo \\\n  run y\n```\n\n\
                ```text\ncargo no\n```\n\n| `code` | `bash a.sh` |\n| `odd |\n| `cargo z -p` |\n";
    let page = Page {
        name: "page.md".to_owned(),
        text: text.to_owned(),
    };
    let found = page.commands().into_iter().map(|s| (s.line, s.command));
    let expected = [
        (3, "cargo run --release --example a -- b"),
        (8, "cargo run x"),
        (9, "cargo run y"),
        (17, "bash a.sh"),
        (19, "cargo z -p"),
    ];
    let expected = expected.map(|(line, command)| (line, command.to_owned()));
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

//! Several data sets to train on at once.

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// One of several data sets to train on: a file or folder, or rendered faces.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceConfig {
    /// File or folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The name of a [`fkp_data::Format`]; detected from the content if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// A file of samples to exclude and labels to correct, such as `inspect --fix` writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrections: Option<PathBuf>,
    /// Rendered faces in place of a path: how many to train on in each epoch. Seed and faces are
    /// those of `data.rendered`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rendered: Option<usize>,
    /// The proportion of its samples in an epoch. With 0, it takes part only in choosing the best
    /// epoch. Without any weights, an epoch has every sample of all sources once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
}

/// What stands before the number of faces on a command line: `rendered:4000`.
const RENDERED: &str = "rendered:";

impl SourceConfig {
    /// The source that a command line names: a path, or `rendered:N`. A file that is called
    /// `rendered:4000` is `./rendered:4000`.
    pub fn from_argument(argument: &Path) -> Result<Self> {
        let Some(count) = argument
            .to_str()
            .and_then(|text| text.strip_prefix(RENDERED))
        else {
            return Ok(Self {
                path: Some(argument.to_owned()),
                ..Self::default()
            });
        };
        match count.parse() {
            Ok(count) => Ok(Self {
                rendered: Some(count),
                ..Self::default()
            }),
            Err(_) => bail!(
                "{RENDERED}{count}: a number of faces must follow, such as {RENDERED}4000 (a file \
                 of this name is ./{RENDERED}{count})"
            ),
        }
    }

    /// Whether its samples are trained on.
    pub fn is_trained_on(&self) -> bool {
        self.weight != Some(0.0)
    }
}

/// Refuses sources that contradict each other, naming the field.
pub(super) fn validate(sources: &[SourceConfig]) -> Result<()> {
    let weighted = sources.iter().filter(|source| source.weight.is_some());
    let weighted = weighted.count();
    ensure!(
        weighted == 0 || weighted == sources.len(),
        "data.sources: {weighted} of {} have a weight: give all of them one, or none",
        sources.len()
    );
    for (number, source) in sources.iter().enumerate() {
        let field = format!("data.sources[{number}]");
        match (&source.path, source.rendered) {
            (Some(path), None) => {
                let is_same = |other: &SourceConfig| other.path.as_ref() == Some(path);
                let is_new = !sources[..number].iter().any(is_same);
                ensure!(is_new, "{field}: {} is given twice", path.display());
            }
            (None, Some(count)) => {
                let is_valid = (1..=10_000_000).contains(&count);
                ensure!(
                    is_valid,
                    "{field}.rendered must be in 1..=10000000, got {count}"
                );
                let is_first = sources[..number].iter().all(|s| s.rendered.is_none());
                ensure!(is_first, "{field}: rendered faces are given twice");
                ensure!(
                    source.format.is_none(),
                    "{field}: rendered faces have no format"
                );
                ensure!(
                    source.corrections.is_none(),
                    "{field}: rendered faces have no corrections"
                );
            }
            _ => bail!("{field}: must have either `path` or `rendered`"),
        }
        if let Some(weight) = source.weight {
            let is_valid = weight.is_finite() && weight >= 0.0;
            ensure!(
                is_valid,
                "{field}.weight must be finite and at least 0, got {weight}"
            );
        }
    }
    let trains = sources.is_empty() || sources.iter().any(SourceConfig::is_trained_on);
    ensure!(trains, "data.sources: all weights are 0");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunConfig;

    #[test]
    fn an_argument_is_a_path_or_a_number_of_faces() {
        let of = |text: &str| SourceConfig::from_argument(Path::new(text));
        assert_eq!(of("rendered:40").unwrap().rendered, Some(40));
        for path in ["./rendered:40", "rendered", "a=2.0", "a:3", "c:/rendered:1"] {
            assert_eq!(of(path).unwrap().path, Some(PathBuf::from(path)));
        }
        let error = of("rendered:many").unwrap_err().to_string();
        assert!(error.contains("./rendered:many"), "{error}");
    }

    #[test]
    fn sources_are_read_and_contradictions_are_refused_by_name() {
        let source = |text: &str| format!("[[data.sources]]\n{text}\n");
        let parse = |text: String| {
            let config = RunConfig::parse(&text)?;
            config.validate().map(|()| config)
        };
        let good = source("path = 'a'\nweight = 2") + &source("rendered = 9\nweight = 1");
        let config = parse(good).unwrap();
        assert_eq!(config.data.sources[1].rendered, Some(9));
        let text = toml::to_string(&config).unwrap();
        assert_eq!(RunConfig::parse(&text).unwrap(), config, "{text}");
        let refused = |parts: &[&str]| {
            let text: String = parts.iter().map(|text| source(text)).collect();
            format!("{:#}", parse(text).unwrap_err())
        };
        let text = refused(&["path = 'a'", "path = 'b'\nweight = 2"]);
        assert!(text.contains("1 of 2 have a weight"), "{text}");
        let text = refused(&["path = 'a'", "path = 'a'"]);
        assert!(text.contains("data.sources[1]: a is given twice"), "{text}");
        assert!(refused(&["rendered = 3", "rendered = 4"]).contains("twice"));
        assert!(refused(&["path = 'a'\nrendered = 3"]).contains("either"));
        let text = refused(&["rendered = 3\ncorrections = 'fix.toml'"]);
        assert!(text.contains("no corrections"), "{text}");
        assert!(refused(&["weight = 1"]).contains("either"));
        assert!(refused(&["rendered = 0"]).contains("data.sources[0].rendered"));
        assert!(refused(&["path = 'a'\nweight = nan"]).contains("data.sources[0].weight"));
        assert!(refused(&["path = 'a'\nweight = 0"]).contains("all weights are 0"));
        let both = "[data]\npath = 'x'\n".to_owned() + &source("path = 'a'");
        assert!(format!("{:#}", parse(both).unwrap_err()).contains("data.path"));
    }
}

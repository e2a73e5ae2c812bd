//! Names of earlier versions in a configuration file, and what they are called now.

use anyhow::{Result, bail};
use toml::{Table, Value};

/// Keys of earlier versions and their new names.
const KEYS: [(&str, &str); 4] = [
    ("extent", "data_limit"),
    ("unreadable", "on_unreadable"),
    ("at_most", "max_per_epoch"),
    ("restore", "restore_weights"),
];

/// Values of earlier versions and their new names, by key.
const VALUES: [(&str, &str, &str); 5] = [
    ("labels", "with_pixels", "with_image"),
    ("labels", "stay_behind", "unchanged"),
    ("restore_weights", "nothing", "last"),
    ("decay_exempt", "vectors", "bias_and_norm"),
    ("decay_exempt", "nothing", "none"),
];

/// Refuses a name of an earlier version. Anything else that is wrong with the text is left to the
/// parser, whose message names the line.
pub(super) fn check(text: &str) -> Result<()> {
    match text.parse::<Table>() {
        Ok(table) => check_table(&table, ""),
        Err(_) => Ok(()),
    }
}

fn check_table(table: &Table, path: &str) -> Result<()> {
    for (key, value) in table {
        let path = match path {
            "" => key.clone(),
            path => format!("{path}.{key}"),
        };
        if let Some((_, new)) = KEYS.iter().find(|(old, _)| old == key) {
            bail!("`{path}` is now called `{new}`");
        }
        let is_old = |(of, old, _): &&(&str, &str, &str)| of == key && value.as_str() == Some(old);
        if let Some((_, old, new)) = VALUES.iter().find(is_old) {
            bail!("{path}: `{old}` is now called `{new}`");
        }
        if let Value::Table(inner) = value {
            check_table(inner, &path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunConfig;

    #[test]
    fn old_names_are_refused_with_the_new_name() {
        let refused = |text: &str| RunConfig::parse(text).unwrap_err().to_string();
        for (old, new) in KEYS {
            let text = refused(&format!("[train]\n{old} = 'full'"));
            assert_eq!(text, format!("`train.{old}` is now called `{new}`"));
        }
        for (key, old, new) in VALUES {
            let text = refused(&format!("[data]\n{key} = '{old}'"));
            assert_eq!(text, format!("data.{key}: `{old}` is now called `{new}`"));
        }
    }
}

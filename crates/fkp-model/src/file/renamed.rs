//! What format 3 of the model file renamed, for the message that refuses older files.

/// (former name, name in format 3)
const RENAMED: [(&str, &str); 3] = [
    ("`framing`", "`mean_shape`"),
    ("crop kind `framed`", "`mean_shape`"),
    ("`normalising_pair`", "`normalizing_pair`"),
];

/// What changed since an older format, and what to do.
pub(crate) fn advice() -> String {
    let renamed = RENAMED.map(|(former, new)| format!("{former} to {new}"));
    format!(
        "format 3 renamed {}; train the model again, or export it again",
        renamed.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use crate::ModelError;

    #[test]
    fn older_formats_are_refused_with_the_new_names() {
        for found in [1, 2] {
            let error = ModelError::UnknownFormat {
                path: "old.safetensors".into(),
                found,
                supported: crate::ModelCard::FORMAT,
            };
            let message = error.to_string();
            for part in [
                &format!("old.safetensors: model format {found}"),
                "`framing` to `mean_shape`",
                "crop kind `framed` to `mean_shape`",
                "`normalising_pair` to `normalizing_pair`",
                "train the model again, or export it again",
            ] {
                assert!(message.contains(part), "{part:?} in {message:?}");
            }
        }
    }
}

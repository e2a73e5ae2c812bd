//! Former names of the fields of a schema file, which are refused with the new name.

use serde::de::Error;

/// (former name, new name)
const RENAMED: [(&str, &str); 2] = [
    ("framing", "mean_shape"),
    ("normalising_pair", "normalizing_pair"),
];

/// The parser's error, or one that gives the new name if the unknown field is a former name.
pub(super) fn with_new_name<E: Error>(error: E) -> E {
    let message = error.to_string();
    let is_unknown = |former: &str| message.contains(&format!("unknown field `{former}`"));
    match RENAMED.iter().find(|(former, _)| is_unknown(former)) {
        Some((former, new)) => E::custom(format!("`{former}` is now called `{new}`")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use crate::Schema;

    #[test]
    fn former_names_are_refused_with_the_new_name() {
        let refused = |field: &str| {
            let text = format!("name = 's'\nkeypoints = ['a', 'b']\n{field}");
            toml::from_str::<Schema>(&text).unwrap_err().to_string()
        };
        let message = refused("framing = [[0.5, 0.5], [0.5, 0.6]]");
        assert!(
            message.contains("`framing` is now called `mean_shape`"),
            "{message}"
        );
        let message = refused("[[normalising_pair]]\nname = 'p'\nfrom = ['a']\nto = ['b']");
        let expected = "`normalising_pair` is now called `normalizing_pair`";
        assert!(message.contains(expected), "{message}");
        let json = r#"{"name": "s", "keypoints": ["a"], "framing": [[0.5, 0.5]]}"#;
        let message = serde_json::from_str::<Schema>(json)
            .unwrap_err()
            .to_string();
        assert!(message.contains("now called `mean_shape`"), "{message}");
    }
}

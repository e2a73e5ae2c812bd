//! The keys and kinds of recipes that were renamed: an old one is refused with its new name.

use serde::de::Error;

/// Old name, new name.
const RENAMED: [(&str, &str); 6] = [
    ("steps", "transforms"),
    ("reach", "magnitude"),
    ("centre_crop", "center_crop"),
    ("equalise", "equalize"),
    ("grey", "gray"),
    ("standardise", "standardize"),
];

/// Replaces serde's error of an unknown key or kind, where that is an old name, by the new name.
pub(super) fn explain<E: Error>(error: E) -> E {
    let message = error.to_string();
    let unknown = |old: &str| {
        message.contains(&format!("unknown field `{old}`"))
            || message.contains(&format!("unknown variant `{old}`"))
    };
    match RENAMED.iter().find(|(old, _)| unknown(old)) {
        Some((old, new)) => E::custom(format!("`{old}` is now called `{new}`")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use crate::Recipe;

    #[test]
    fn an_old_name_is_refused_with_the_new_one() {
        let error = |text: &str| toml::from_str::<Recipe>(text).unwrap_err().to_string();
        for (text, expected) in [
            (
                "[[steps]]\nkind = 'invert'",
                "`steps` is now called `transforms`",
            ),
            (
                "transforms = [{ kind = 'one_of', steps = [{ kind = 'invert' }] }]",
                "`steps` is now called `transforms`",
            ),
            (
                "[[transforms]]\nkind = 'perspective'\nreach = 0.1",
                "`reach` is now called `magnitude`",
            ),
            (
                "[[transforms]]\nkind = 'compose'\ntransforms = [{ kind = 'equalise' }]",
                "`equalise` is now called `equalize`",
            ),
            (
                "[[transforms]]\nkind = 'centre_crop'\nwidth = 1\nheight = 1",
                "`centre_crop` is now called `center_crop`",
            ),
            (
                "[[transforms]]\nkind = 'grey'",
                "`grey` is now called `gray`",
            ),
            (
                "[[transforms]]\nkind = 'standardise'",
                "`standardise` is now called `standardize`",
            ),
        ] {
            let message = error(text);
            assert!(message.contains(expected), "{message}");
        }
        // The place in the file stays in the message.
        let message = error("zoom = 0.1\n[[steps]]\nkind = 'invert'");
        assert!(message.contains("line 2"), "{message}");
    }
}

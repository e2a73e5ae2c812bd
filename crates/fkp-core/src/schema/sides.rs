//! Left and right in the names of keypoints.

/// The name of the keypoint on the other side of the body: `left` and `right` are exchanged where
/// they are a word of the name, as in `mouth_left_corner` or `leftEye` but not in `upright`. `None`
/// if the name contains neither word.
pub(super) fn mirrored_name(name: &str) -> Option<String> {
    let words = words(name);
    let mirrored: String = words.iter().map(|word| other_side(word)).collect();
    (mirrored != name).then_some(mirrored)
}

/// The pairs that a mirror image exchanges, inferred from the names: names that differ in left and
/// right only, the left one first. `None` if no name contains left or right, since that does not
/// mean that there are no pairs.
///
/// ```
/// let names = ["nose", "left_eye", "right_eye"].map(str::to_owned);
/// let pair = ("left_eye".to_owned(), "right_eye".to_owned());
/// assert_eq!(fkp_core::flip_pairs_from_names(&names), Some(vec![pair]));
/// assert_eq!(fkp_core::flip_pairs_from_names(&names[..1]), None);
/// ```
pub fn flip_pairs_from_names(keypoints: &[String]) -> Option<Vec<(String, String)>> {
    let mut any_side = false;
    let mut pairs = Vec::new();
    for name in keypoints {
        let other = mirrored_name(name).or_else(|| mirrored_joined(name));
        any_side |= mirrored_name(name).is_some();
        if let Some(other) = other.filter(|other| keypoints.contains(other)) {
            any_side = true;
            if names_left_first(name) {
                pairs.push((name.clone(), other));
            }
        }
    }
    any_side.then_some(pairs)
}

/// The name with the smallest edit distance to an expected one, if it is small enough for a
/// misspelling.
pub(super) fn closest<'a>(
    expected: &str,
    names: impl Iterator<Item = &'a String>,
) -> Option<&'a String> {
    let limit = 1 + expected.chars().count() / 5;
    names
        .map(|name| (edit_distance(expected, name), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The words of a name and what is between them: runs of letters, which also end before an
/// uppercase letter that follows a lowercase one, and runs of other characters.
fn words(name: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let chars: Vec<(usize, char)> = name.char_indices().collect();
    for pair in chars.windows(2) {
        let ((_, before), (index, after)) = (pair[0], pair[1]);
        let new_kind = before.is_alphabetic() != after.is_alphabetic();
        if new_kind || (before.is_lowercase() && after.is_uppercase()) {
            starts.push(index);
        }
    }
    let ends = starts.iter().copied().skip(1).chain([name.len()]);
    let ranges = starts.iter().copied().zip(ends);
    ranges.map(|(start, end)| &name[start..end]).collect()
}

fn other_side(word: &str) -> &str {
    match word {
        "left" => "right",
        "right" => "left",
        "Left" => "Right",
        "Right" => "Left",
        "LEFT" => "RIGHT",
        "RIGHT" => "LEFT",
        other => other,
    }
}

/// `righteye` for `lefteye`. Used only where both names exist: `bright` does not contain a side.
fn mirrored_joined(name: &str) -> Option<String> {
    if name.contains("left") {
        return Some(name.replace("left", "right"));
    }
    name.contains("right")
        .then(|| name.replace("right", "left"))
}

fn names_left_first(name: &str) -> bool {
    let name = name.to_lowercase();
    match (name.find("left"), name.find("right")) {
        (Some(left), Some(right)) => left < right,
        (left, _) => left.is_some(),
    }
}

/// Levenshtein distance in characters, one row of the table at a time.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_whole_words() {
        for (name, other) in [
            ("left", "right"),
            ("eye_right", "eye_left"),
            ("leftEye", "rightEye"),
            ("LEFT-EYE 2", "RIGHT-EYE 2"),
            ("left2", "right2"),
            ("left_eye_right_corner", "right_eye_left_corner"),
            ("œil left", "œil right"),
        ] {
            assert_eq!(mirrored_name(name).as_deref(), Some(other), "{name}");
            assert_eq!(mirrored_name(other).as_deref(), Some(name), "{other}");
        }
        for name in [
            "", "nose", "bright", "cleft", "l_eye", "lefteye", "leftover",
        ] {
            assert_eq!(mirrored_name(name), None, "{name}");
        }
    }

    #[test]
    fn pairs_are_left_first_and_listed_once() {
        let pairs = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let pairs = flip_pairs_from_names(&names);
            pairs.map(|pairs| pairs.into_iter().map(|(a, b)| a + " " + &b).collect())
        };
        let some = |names: &[&str]| Some(names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>());
        assert_eq!(
            pairs(&["right_ear", "left_ear"]),
            some(&["left_ear right_ear"])
        );
        assert_eq!(pairs(&["righteye", "lefteye"]), some(&["lefteye righteye"]));
        let corners = [
            "left_eye_left",
            "left_eye_right",
            "right_eye_left",
            "right_eye_right",
        ];
        assert_eq!(
            pairs(&corners),
            some(&[
                "left_eye_left right_eye_right",
                "left_eye_right right_eye_left"
            ])
        );
        // A side without its partner still means that the sides are known; the schema refuses it.
        assert_eq!(pairs(&["left_ear", "nose"]), some(&[]));
        assert_eq!(pairs(&["bright", "cleft"]), None);
    }

    #[test]
    fn the_edit_distance_is_levenshteins() {
        for (a, b, distance) in [
            ("", "", 0),
            ("", "abc", 3),
            ("left", "lfet", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(edit_distance(a, b), distance);
            assert_eq!(edit_distance(b, a), distance);
        }
        let names = ["mouth_lfet_corner", "nose"].map(str::to_owned);
        assert_eq!(closest("mouth_left_corner", names.iter()), Some(&names[0]));
        assert_eq!(closest("left_eye", names.iter()), None);
    }
}

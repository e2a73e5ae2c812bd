//! Schemas as they are written in files: what is read, what is refused.

use super::*;

#[test]
fn builtin_schemas_are_valid_and_round_trip() {
    for name in Schema::BUILTIN {
        let schema = Schema::by_name(name).unwrap();
        assert_eq!(schema.name(), name);
        let text = toml::to_string(&schema).unwrap();
        assert_eq!(toml::from_str::<Schema>(&text).unwrap(), schema);
    }
    assert_eq!(Schema::ibug68().len(), 68);
    assert_eq!(Schema::aflw21().len(), 21);
    assert_eq!(Schema::wflw98().len(), 98);
    assert_eq!(Schema::cofw29().len(), 29);
}

#[test]
fn left_and_right_partners_are_named_alike() {
    for name in ["kaggle15", "aflw21", "cofw29"] {
        let schema = Schema::by_name(name).unwrap();
        for &(a, b) in schema.flip_pairs() {
            let (a, b) = (&schema.keypoints()[a], &schema.keypoints()[b]);
            assert_eq!(a.replace("left", "right"), b.replace("left", "right"));
        }
        let paired = 2 * schema.flip_pairs().len();
        let sided = schema
            .keypoints()
            .iter()
            .filter(|n| n.contains("left") || n.contains("right"));
        assert_eq!(paired, sided.count());
    }
}

#[test]
fn mean_shapes_are_symmetric_and_inside_the_crop() {
    for name in Schema::BUILTIN {
        let schema = Schema::by_name(name).unwrap();
        for mean in schema.mean_shape() {
            assert!(
                mean.iter().all(|v| (0.05..0.95).contains(v)),
                "{name}: {mean:?}"
            );
        }
        for &(left, right) in schema.flip_pairs() {
            if let [Some(l), Some(r)] = [left, right].map(|i| schema.mean_shape().get(i)) {
                assert!(
                    (l[0] + r[0] - 1.0).abs() < 2e-3 && l[1] == r[1],
                    "{name}: {l:?} {r:?}"
                );
            }
        }
    }
}

/// A sample of the published table of mirrored keypoints, and the 10 on the middle of the face.
#[test]
fn wflw_is_numbered_as_published() {
    let schema = Schema::wflw98();
    let pairs = schema.flip_pairs();
    assert_eq!(pairs.len(), 44);
    for pair in [
        (0, 32),
        (15, 17),
        (33, 46),
        (37, 42),
        (38, 50),
        (41, 47),
        (55, 59),
        (56, 58),
        (60, 72),
        (64, 68),
        (65, 75),
        (67, 73),
        (76, 82),
        (78, 80),
        (83, 87),
        (84, 86),
        (88, 92),
        (89, 91),
        (93, 95),
        (96, 97),
    ] {
        assert!(pairs.contains(&pair), "{pair:?}");
    }
    let paired = |i: usize| pairs.iter().any(|&(a, b)| a == i || b == i);
    let middle: Vec<_> = (0..98).filter(|&i| !paired(i)).collect();
    assert_eq!(middle, [16, 51, 52, 53, 54, 57, 79, 85, 90, 94]);
    let ocular = &schema.normalizing_pairs()[0];
    assert_eq!((&ocular.from[..], &ocular.to[..]), (&[60][..], &[72][..]));
    // The mirror image of a line of the skeleton is a line of the skeleton.
    let mirror = |i: usize| {
        let pair = pairs.iter().find(|&&(a, b)| a == i || b == i);
        pair.map_or(i, |&(a, b)| a + b - i)
    };
    for &(a, b) in schema.skeleton() {
        let (a, b) = (mirror(a), mirror(b));
        let skeleton = schema.skeleton();
        assert!(
            skeleton.contains(&(a, b)) || skeleton.contains(&(b, a)),
            "{a} {b}"
        );
    }
}

#[test]
fn contradictions_are_refused_by_name() {
    let parse = |text: &str| toml::from_str::<Schema>(text).unwrap_err().to_string();
    let base = "name = 's'\nkeypoints = ['a', 'b', 'c']\n";
    let with = |extra: &str| parse(&format!("{base}{extra}"));
    assert!(with("flip_pairs = [['a', 'd']]").contains("`flip_pairs` names `d`"));
    assert!(with("flip_pairs = [['a', 'b'], ['b', 'c']]").contains("uses `b` more than once"));
    assert!(with("flip_pairs = [['a', 'a']]").contains("uses `a` more than once"));
    assert!(with("mean_shape = [[0.5, 0.5]]").contains("3 finite"));
    assert!(with("color = 'red'").contains("color"));
    assert!(parse("name = 's'\nkeypoints = ['a', 'a']").contains("`a` twice"));
    assert!(parse("name = 's'\nkeypoints = []").contains("no keypoints"));
}

#[test]
fn unknown_none_and_some_flip_pairs_are_three_things() {
    let parse = |extra: &str| {
        let text = format!("name = 's'\nkeypoints = ['a', 'b']\n{extra}");
        toml::from_str::<Schema>(&text).unwrap()
    };
    let states = [
        parse(""),
        parse("flip_pairs = []"),
        parse("flip_pairs = [['a', 'b']]"),
    ];
    let known = states.each_ref().map(Schema::has_known_flip_pairs);
    assert_eq!(known, [false, true, true]);
    let pairs = states.each_ref().map(|schema| schema.flip_pairs().len());
    assert_eq!(pairs, [0, 0, 1]);
    for (i, schema) in states.iter().enumerate() {
        let text = toml::to_string(schema).unwrap();
        let json = serde_json::to_string(schema).unwrap();
        assert_eq!(toml::from_str::<Schema>(&text).unwrap(), *schema);
        assert_eq!(serde_json::from_str::<Schema>(&json).unwrap(), *schema);
        for other in &states[i + 1..] {
            assert_ne!(schema, other);
        }
    }
    let [unknown, none, some] = states;
    assert_eq!(unknown.clone().with_flip_pairs(&[]).unwrap(), none);
    assert_eq!(unknown.clone().with_flip_pairs(&[(0, 1)]).unwrap(), some);
    let error = unknown.with_flip_pairs(&[(0, 2)]).unwrap_err();
    assert!(
        error.to_string().contains("index 2, but there are 2"),
        "{error}"
    );
    assert!(!Schema::numbered("n", 3).unwrap().has_known_flip_pairs());
    for name in Schema::BUILTIN {
        assert!(Schema::by_name(name).unwrap().has_known_flip_pairs());
    }
}

#[test]
fn a_side_without_its_partner_is_refused() {
    let base = "name = 'face'\n\
        keypoints = ['nose', 'mouth_lfet_corner', 'mouth_right_corner', 'left_eye', 'right_eye']\n";
    let parse = |extra: &str| toml::from_str::<Schema>(&format!("{base}{extra}"));
    let refused = |extra: &str| parse(extra).unwrap_err().to_string();
    let eyes = "flip_pairs = [['left_eye', 'right_eye']]\n";
    let message = refused(eyes);
    for part in [
        "schema `face`",
        "`mouth_right_corner` has no partner `mouth_left_corner`",
        "did you mean `mouth_lfet_corner`?",
        "unpaired = [\"mouth_right_corner\"]",
    ] {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
    let meant = parse(&format!("{eyes}unpaired = ['mouth_right_corner']")).unwrap();
    let text = toml::to_string(&meant).unwrap();
    assert!(text.contains("unpaired"), "{text}");
    assert_eq!(toml::from_str::<Schema>(&text).unwrap(), meant);
    let one_hand = "name = 'hand'\nkeypoints = ['left_thumb', 'left_palm']";
    let message = toml::from_str::<Schema>(one_hand).unwrap_err().to_string();
    let all = "unpaired = [\"left_thumb\", \"left_palm\"]";
    assert!(message.contains(all), "{message}");
    assert!(toml::from_str::<Schema>(&format!("{one_hand}\n{all}")).is_ok());
    // Unknown or empty flip pairs contradict names that contain left and right.
    for extra in ["", "flip_pairs = []"] {
        let message = refused(&format!("unpaired = ['mouth_right_corner']\n{extra}"));
        let pair = "[\"left_eye\", \"right_eye\"]";
        assert!(message.contains(pair), "{message}");
    }
    let both = "unpaired = ['mouth_right_corner', 'left_eye']";
    assert!(refused(&format!("{eyes}{both}")).contains("both in `flip_pairs` and"));
    assert!(refused(&format!("{eyes}unpaired = ['chin']")).contains("`unpaired` names `chin`"));
    // The partner may have any name.
    let named = "[['left_eye', 'right_eye'], ['mouth_lfet_corner', 'mouth_right_corner']]";
    let paired = parse(&format!("flip_pairs = {named}")).unwrap();
    assert_eq!(paired.flip_pairs(), [(3, 4), (1, 2)]);
    // In code, an empty list means that there are no pairs; a list that omits one is refused.
    let none = paired.clone().with_flip_pairs(&[]).unwrap();
    assert!(none.has_known_flip_pairs() && none.flip_pairs().is_empty());
    assert_eq!(none.with_flip_pairs(&[(3, 4), (1, 2)]).unwrap(), paired);
    let incomplete = paired.with_flip_pairs(&[(1, 2)]).unwrap_err();
    assert!(
        matches!(incomplete.problem, SchemaProblem::NotPaired { .. }),
        "{incomplete}"
    );
}

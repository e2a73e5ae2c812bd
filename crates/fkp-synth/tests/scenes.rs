//! Properties of rendered scenes and of their boxes.

use fkp_core::{Dataset, Sample};
use fkp_synth::camera::Channels;
use fkp_synth::{SceneConfig, SynthScenes};
use rayon::prelude::*;

fn config(count: usize) -> SceneConfig {
    SceneConfig {
        count,
        size: 160,
        seed: 5,
        ..SceneConfig::default()
    }
}

fn scenes(config: SceneConfig) -> SynthScenes {
    SynthScenes::new(config).expect("the configuration is valid")
}

fn all(config: SceneConfig) -> Vec<Sample> {
    let scenes = scenes(config);
    let indices = (0..scenes.len()).into_par_iter();
    indices
        .map(|index| scenes.get(index).expect("a scene is rendered"))
        .collect()
}

#[test]
fn any_thread_gets_the_same_scene() {
    let in_parallel = all(config(12));
    let scenes = scenes(config(12));
    for index in (0..12).rev() {
        assert_eq!(scenes.get(index).unwrap(), in_parallel[index]);
    }
    let ids: Vec<_> = in_parallel.iter().map(|scene| scene.id.as_str()).collect();
    assert_eq!(ids[..2], ["synth-scene-5-0", "synth-scene-5-1"]);
    assert!(
        in_parallel
            .iter()
            .all(|scene| scene.group.as_ref() == Some(&scene.id) && scene.keypoints.is_empty())
    );
}

#[test]
fn each_epoch_has_new_scenes_if_asked_for() {
    let same = scenes(config(2));
    assert_eq!(same.get_in_epoch(3, 1).unwrap(), same.get(1).unwrap());
    let new = scenes(config(2)).new_each_epoch();
    assert_eq!(new.get_in_epoch(0, 1).unwrap(), same.get(1).unwrap());
    let third = new.get_in_epoch(3, 1).unwrap();
    assert_ne!(third.image, same.get(1).unwrap().image);
    assert_eq!(third.id, "synth-scene-5-epoch3-1");
    assert_eq!(new.get_in_epoch(3, 1).unwrap(), third);
}

#[test]
fn an_index_out_of_range_is_an_error() {
    let error = scenes(config(2)).get(2).unwrap_err();
    assert_eq!(error.index, 2);
    assert!(error.source.to_string().contains("2 samples"));
}

#[test]
fn boxes_are_usable_at_the_extremes_of_the_configuration() {
    let tiny = SceneConfig {
        size: 32,
        decoys: [20, 20],
        ..config(6)
    };
    let mut huge = SceneConfig {
        size: 64,
        face_heights: [4096.0, 4096.0],
        ..config(6)
    };
    huge.heads.few = [2, 2];
    let mut crowded = SceneConfig {
        size: 64,
        crowd_face_heights: [4.0, 200.0],
        channels: Channels::Gray,
        ..config(6)
    };
    crowded.heads.crowd_probability = 1.0;
    crowded.heads.group_probability = 0.0;
    crowded.heads.crowd = [100, 100];
    let mut turned = config(6);
    turned.faces.pose.turned.0 = 1.0;
    turned.faces.pose.turned_yaw_degrees.0 = 180.0;
    turned.faces.pose.turned_pitch_degrees.0 = 180.0;
    turned.faces.pose.turned_roll_degrees.0 = 180.0;
    for config in [tiny, huge, crowded, turned] {
        let size = config.size;
        let limits = -0.5..=size as f64 - 0.5;
        for scene in all(config) {
            assert_eq!(scene.image.size(), (size, size));
            for face in &scene.boxes {
                let bounds = face.bounds;
                assert!(bounds.is_usable());
                let edges = [bounds.x, bounds.y, bounds.x + bounds.width];
                let edges = edges.into_iter().chain([bounds.y + bounds.height]);
                assert!(edges.into_iter().all(|c| limits.contains(&c)), "{bounds:?}");
            }
        }
    }
}

#[test]
fn faces_that_are_too_small_or_hidden_are_ignored() {
    let count = |change: fn(&mut SceneConfig)| {
        let mut config = config(40);
        config.heads.few = [1, 4];
        change(&mut config);
        let scenes = all(config);
        let boxes: Vec<_> = scenes.iter().flat_map(|scene| &scene.boxes).collect();
        let ignored = boxes.iter().filter(|face| face.ignore).count();
        (boxes.len(), ignored)
    };
    let (boxes, ignored) = count(|_| {});
    assert!(boxes > 80 && ignored < boxes / 4, "{ignored} of {boxes}");
    let (boxes, ignored) = count(|config| config.min_face_height = 500.0);
    assert!(ignored == boxes && boxes > 80);
    let (boxes, ignored) = count(|config| config.min_visible = 1.0);
    assert!(
        ignored > boxes / 10 && ignored < boxes,
        "{ignored} of {boxes}"
    );
    let (_, ignored) = count(|config| (config.min_visible, config.min_face_height) = (0.0, 0.0));
    assert_eq!(ignored, 0);
    let (boxes, _) = count(|config| config.from_behind = 1.0);
    assert_eq!(boxes, 0);
}

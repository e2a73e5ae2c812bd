//! The real sets beside the checkout, where they are.

use fkp_core::{Dataset, Keypoints, Schema};
use fkp_examples::{DataConfig, open_for_training};
use fkp_test_support::shared_set;

/// Mean position of each keypoint over the crops, in fractions of the side.
fn mean_shape(set: &dyn Dataset, every: usize) -> Vec<Option<[f64; 2]>> {
    let mut sums = vec![(0.0, 0.0, 0usize); set.schema().len()];
    for index in (0..set.len()).step_by(every) {
        let sample = set.get(index).unwrap();
        let side = sample.image.width() as f64;
        let keypoints: &Keypoints = &sample.keypoints;
        for (i, keypoint) in keypoints.labeled() {
            sums[i].0 += (f64::from(keypoint.x) + 0.5) / side;
            sums[i].1 += (f64::from(keypoint.y) + 0.5) / side;
            sums[i].2 += 1;
        }
    }
    let mean = |(x, y, n): &(f64, f64, usize)| (*n > 0).then(|| [x / *n as f64, y / *n as f64]);
    sums.iter().map(mean).collect()
}

/// Whatever the format, the crops of every set show faces in the same place and size.
#[test]
fn crops_of_every_face_set_have_the_mean_shape_of_kaggle() {
    let schema = Schema::kaggle15();
    let input = fkp_core::InputSpec::gray(96);
    for name in ["ytf68", "ibug68", "aflw21"] {
        let Some(path) = shared_set(name) else {
            continue;
        };
        let config = DataConfig {
            path: Some(path),
            ..DataConfig::default()
        };
        let data = open_for_training(&config, &input).unwrap();
        assert_eq!(data.schema, schema);
        let mean = mean_shape(&data.train, 20);
        for (i, (found, mean_shape)) in mean.iter().zip(schema.mean_shape()).enumerate() {
            let Some(found) = found else { continue };
            let off = (found[0] - mean_shape[0]).hypot(found[1] - mean_shape[1]);
            let keypoint = &schema.keypoints()[i];
            assert!(
                off < 0.06,
                "{name}, {keypoint}: {found:?} against {mean_shape:?}"
            );
        }
        // Left is the subject's: at the larger x.
        let x = |i: usize| mean[i].unwrap()[0];
        assert!(x(0) > x(1) + 0.3 && x(11) > x(12) + 0.2, "{name}");
    }
}

//! Random data sets for property tests: any that the types allow.

use fkp_core::{
    BoundingBox, BoxConvention, FaceBox, Image, InMemory, Keypoint, Keypoints, LabeledBox, Sample,
    Schema, Visibility,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Whether all images of a data set have one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sizes {
    One,
    Mixed,
}

/// A data set of up to eight samples.
pub(crate) fn any_dataset(sizes: Sizes) -> impl Strategy<Value = InMemory> {
    (any_schema(), any_size(), 1..8usize).prop_flat_map(move |(schema, size, count)| {
        let samples = vec(any_sample(schema.len(), size, sizes), count);
        samples.prop_map(move |samples| InMemory::new(schema.clone(), samples).unwrap())
    })
}

fn any_schema() -> impl Strategy<Value = Schema> {
    prop_oneof![
        Just(Schema::kaggle15()),
        Just(Schema::boxes()),
        (1..5usize).prop_map(|count| Schema::numbered("some", count).unwrap()),
    ]
}

/// Width, height and channels, of which a file keeps one or three.
fn any_size() -> impl Strategy<Value = (usize, usize, usize)> {
    (1..9usize, 1..9usize, prop_oneof![Just(1), Just(3)])
}

fn any_sample(
    keypoints: usize,
    size: (usize, usize, usize),
    sizes: Sizes,
) -> impl Strategy<Value = Sample> {
    let size = match sizes {
        Sizes::One => Just(size).boxed(),
        Sizes::Mixed => any_size().boxed(),
    };
    let image = size.prop_flat_map(|(width, height, channels)| {
        let pixels = vec(any::<u8>(), width * height * channels);
        pixels.prop_map(move |pixels| Image::new(width, height, channels, pixels).unwrap())
    });
    let labels = (
        vec(any_keypoint(), keypoints),
        option::of(any_face_box()),
        vec(any_box(), 0..3),
    );
    let texts = (
        "[ -~äß€😀]{0,12}",
        option::of("[a-zé ]{0,5}"),
        proptest::sample::subsequence(vec!["große Pose", "make-up", "occlusion"], 0..3),
    );
    (image, labels, texts, any::<bool>()).prop_map(
        |(image, (keypoints, face_box, boxes), (id, group, attributes), is_face)| {
            let keypoints = Keypoints::new(keypoints).mark_out_of_frame(image.size());
            Sample {
                group,
                face_box,
                boxes,
                is_face,
                attributes: attributes.into_iter().map(str::to_owned).collect(),
                ..Sample::new(id, image, keypoints)
            }
        },
    )
}

fn any_keypoint() -> impl Strategy<Value = Keypoint> {
    let visibility = prop_oneof![
        Just(Visibility::Visible),
        Just(Visibility::Occluded),
        Just(Visibility::OutOfFrame),
        Just(Visibility::Unlabeled),
    ];
    let coordinate = || prop_oneof![3 => -0.5f32..8.0, 1 => -1e6f32..1e6];
    (coordinate(), coordinate(), visibility).prop_map(|(x, y, visibility)| match visibility {
        Visibility::Unlabeled => Keypoint::unlabeled(),
        visibility => Keypoint { x, y, visibility },
    })
}

fn any_bounds() -> impl Strategy<Value = BoundingBox> {
    let sides = (0.0f64..1e3, 0.0f64..1e3);
    (-1e3f64..1e3, -1e3f64..1e3, sides).prop_map(|(x, y, (width, height))| BoundingBox {
        x,
        y,
        width,
        height,
    })
}

fn any_face_box() -> impl Strategy<Value = FaceBox> {
    let convention = prop_oneof![
        Just(BoxConvention::Face),
        Just(BoxConvention::Keypoints),
        Just(BoxConvention::Crop),
    ];
    (convention, any_bounds()).prop_map(|(convention, bounds)| FaceBox { convention, bounds })
}

fn any_box() -> impl Strategy<Value = LabeledBox> {
    (any_bounds(), any::<bool>()).prop_map(|(bounds, ignore)| LabeledBox { bounds, ignore })
}

//! All image types, masks, boxes and keypoint sets.

use crate::support::{dot, symmetric, texture};
use fkp_augment::{
    CenterCrop, FlipHorizontal, Labels, Raster, RasterImage, RasterView, Recipe, Transform,
};
use fkp_core::{
    Augment, Border, BoundingBox, Image, InputSpec, Keypoint, Keypoints, Purpose, Sample, Schema,
    rng_for,
};
use image::{ImageBuffer, Luma, LumaA, Rgb, Rgba};
use ndarray::{Array2, Array3};
use rayon::prelude::*;

fn replay(size: (usize, usize)) -> fkp_augment::Replay {
    let augment = Recipe::tutorial().compile(&Schema::kaggle15()).unwrap();
    augment.sample(size, &mut rng_for(5, Purpose::Augment, 0, 1))
}

fn array(image: &Image) -> Array3<u8> {
    let shape = (image.height(), image.width(), image.channels());
    Array3::from_shape_vec(shape, image.as_bytes().to_vec()).unwrap()
}

#[test]
fn all_image_types_give_the_same() {
    let replay = replay((30, 20));
    for channels in 1..=4 {
        let image = texture((30, 20), channels);
        let expected = replay.image(&image).into_bytes();
        let array = array(&image);
        let moved = replay.image(&array);
        assert_eq!(moved.dim(), (20, 30, channels));
        assert_eq!(moved.iter().copied().collect::<Vec<u8>>(), expected);
        let bytes = image.clone().into_bytes();
        let moved = match channels {
            1 => replay
                .image(&ImageBuffer::<Luma<u8>, _>::from_raw(30, 20, bytes).unwrap())
                .into_raw(),
            2 => replay
                .image(&ImageBuffer::<LumaA<u8>, _>::from_raw(30, 20, bytes).unwrap())
                .into_raw(),
            3 => replay
                .image(&ImageBuffer::<Rgb<u8>, _>::from_raw(30, 20, bytes).unwrap())
                .into_raw(),
            _ => replay
                .image(&ImageBuffer::<Rgba<u8>, _>::from_raw(30, 20, bytes).unwrap())
                .into_raw(),
        };
        assert_eq!(moved, expected);
        let floats: Vec<f32> = image.as_bytes().iter().map(|b| f32::from(*b)).collect();
        let moved = replay.image(&Raster::new(30, 20, channels, floats).unwrap());
        for (float, byte) in moved.as_slice().iter().zip(&expected) {
            assert!((float - f32::from(*byte)).abs() <= 1.0);
        }
    }
    let float = ImageBuffer::<Rgb<f32>, _>::from_raw(30, 20, vec![0.25; 1800]).unwrap();
    assert_eq!(replay.image(&float).into_raw(), vec![0.25; 1800]);
    let gray = Array2::from_elem((20, 30), 9u8);
    assert_eq!(replay.image(&gray), gray);
}

/// A view with its axes in another order is read as what it shows.
#[test]
fn a_planar_view_is_a_image() {
    let planar = Array3::from_shape_fn((3, 20, 30), |(c, y, x)| (c * 70 + x + y) as u8);
    let view = planar.view().permuted_axes([1, 2, 0]);
    let moved = replay((30, 20)).raster(&RasterView::try_from(view).unwrap());
    let interleaved = view.as_standard_layout().into_owned();
    assert_eq!(
        moved.as_slice(),
        replay((30, 20)).image(&interleaved).as_slice().unwrap()
    );
    assert!(RasterView::try_from(planar.view()).is_err()); // 30 channels
}

#[test]
fn a_mask_keeps_its_labels_and_follows_the_image() {
    let recipe = Recipe {
        border: Border::Constant(128),
        ..Recipe::faces()
    };
    let augment = recipe.compile(&Schema::kaggle15()).unwrap();
    for index in 0..20 {
        let replay = augment.sample((40, 40), &mut rng_for(5, Purpose::Augment, 0, index));
        let mut mask = Array2::from_elem((40, 40), 3u8);
        mask[(20, 24)] = 9;
        let moved = replay.mask(&mask);
        assert!(moved.iter().all(|v| [0, 3, 9].contains(v)));
        let (x, y) = replay.point(24.0, 20.0);
        let near =
            |(j, i): (usize, usize)| (i as f64 - x).abs() < 1.5 && (j as f64 - y).abs() < 1.5;
        for (position, value) in moved.indexed_iter() {
            assert!(*value != 9 || near(position));
        }
    }
}

#[test]
fn several_keypoint_sets_and_boxes_are_moved() {
    let replay = replay((60, 50));
    let face = Schema::kaggle15();
    let hand = symmetric("hand", 2);
    let one = replay
        .keypoints(&Keypoints::new(vec![Keypoint::new(20.0, 20.0); 15]), &face)
        .unwrap();
    let two = replay
        .keypoints(&Keypoints::from_xy(&[[20.0, 20.0], [30.0, 25.0]]), &hand)
        .unwrap();
    assert_eq!(one[0], two[0]);
    let given = BoundingBox {
        x: 20.0,
        y: 20.0,
        width: 10.0,
        height: 5.0,
    };
    let moved = replay.bounding_box(&given);
    for keypoint in two.iter() {
        let (x, y) = (f64::from(keypoint.x), f64::from(keypoint.y));
        assert!(x > moved.x - 1e-4 && x < moved.x + moved.width + 1e-4);
        assert!(y > moved.y - 1e-4 && y < moved.y + moved.height + 1e-4);
    }
}

#[test]
fn invalid_images_are_refused() {
    assert!(Raster::new(0, 1, 1, Vec::<u8>::new()).is_err());
    assert!(Raster::new(1, 1, 5, vec![0u8; 5]).is_err());
    let error = Raster::new(2, 2, 1, vec![0u8; 3]).unwrap_err();
    assert!(
        error.to_string().contains("2×2 pixels of 1 channels"),
        "{error}"
    );
    assert!(Raster::new(usize::MAX, 2, 1, vec![0u8; 3]).is_err());
}

#[test]
#[should_panic(expected = "replay for an image of another size")]
fn a_record_refuses_an_image_of_another_size() {
    replay((30, 20)).image(&Image::filled(20, 30, 1, 0));
}

/// A batch as in a data loader: samples augmented in parallel, each written to its part of a
/// buffer.
fn batch_of(recipe: &Recipe, threads: usize, order: &[u64]) -> (Vec<f32>, Vec<Keypoints>) {
    let pipeline = recipe.compile(&Schema::kaggle15()).unwrap();
    let input = InputSpec {
        mean: 0.5,
        std: 0.25,
        ..InputSpec::gray(32)
    };
    let mut pixels = vec![f32::NAN; order.len() * input.len()];
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let keypoints = pool.unwrap().install(|| {
        let places = pixels.par_chunks_exact_mut(input.len()).zip(order);
        let fill = |(place, index): (&mut [f32], &u64)| {
            let face = (0..15).map(|p| Keypoint::new(p as f32 + *index as f32, 20.0));
            let sample = Sample::new("", dot((32, 32), 12.0, 9.0), face.collect());
            let sample = pipeline
                .apply(sample, &mut rng_for(7, Purpose::Augment, 3, *index))
                .unwrap();
            input.fill(&sample.image, place);
            sample.keypoints
        };
        places.map(fill).collect()
    });
    (pixels, keypoints)
}

#[test]
fn a_batch_does_not_depend_on_the_number_of_threads() {
    let order: Vec<u64> = (0..24).collect();
    for recipe in [Recipe::tutorial(), Recipe::faces()] {
        let (pixels, keypoints) = batch_of(&recipe, 1, &order);
        assert_eq!(
            batch_of(&recipe, 3, &order),
            (pixels.clone(), keypoints.clone())
        );
        let pipeline = recipe.compile(&Schema::kaggle15()).unwrap();
        for i in order.iter().map(|i| *i as usize) {
            let face = (0..15).map(|p| Keypoint::new(p as f32 + i as f32, 20.0));
            let sample = Sample::new("", dot((32, 32), 12.0, 9.0), face.collect());
            // Without the buffers that `apply` keeps.
            let mut rng = rng_for(7, Purpose::Augment, 3, i as u64);
            let replay = pipeline.sample_for((32, 32), Labels::from(&sample), &mut rng);
            let alone = replay.image(&sample.image);
            assert_eq!(
                replay
                    .keypoints(&sample.keypoints, &Schema::kaggle15())
                    .unwrap(),
                keypoints[i]
            );
            let planes = &pixels[i * 1024..][..1024];
            for (float, byte) in planes.iter().zip(alone.as_bytes()) {
                let expected = (f32::from(*byte) / 255.0 - 0.5) / 0.25;
                assert!((float - expected).abs() < 1e-5);
            }
        }
    }
}

/// A crop of a large image does not keep the large buffer.
#[test]
fn a_crop_has_a_small_buffer() {
    let crop = Transform::from(CenterCrop {
        width: 8,
        height: 8,
    });
    let augment = Recipe::of([crop]).compile(&Schema::kaggle15()).unwrap();
    for index in 0..4 {
        let face = Keypoints::unlabeled(15);
        let sample = Sample::new("", Image::filled(400, 300, 3, index), face);
        let mut rng = rng_for(0, Purpose::Augment, 0, index.into());
        let crop = augment.apply(sample, &mut rng).unwrap().image;
        assert!(crop.as_bytes().iter().all(|v| *v == index));
        assert!(crop.into_bytes().capacity() <= 2 * 8 * 8 * 3);
    }
}

#[test]
fn a_custom_image_type_needs_two_functions() {
    struct Photo(Raster<u8>);
    impl RasterImage for Photo {
        type Channel = u8;
        fn as_raster(&self) -> RasterView<'_, u8> {
            self.0.as_raster()
        }
        fn from_raster(raster: Raster<u8>) -> Self {
            Self(raster)
        }
    }
    let flip = Recipe::of([FlipHorizontal {}]);
    let augment = flip.compile(&Schema::kaggle15()).unwrap();
    let replay = augment.sample((2, 1), &mut rng_for(0, Purpose::Augment, 0, 0));
    let photo = Photo(Raster::new(2, 1, 1, vec![1, 2]).unwrap());
    assert_eq!(replay.image(&photo).0.as_slice(), &[2, 1]);
}

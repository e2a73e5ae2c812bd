//! Boxes of an image in another one.

use fkp_core::{Affine, LabeledBox};

/// The boxes where the map from their image to another one takes them.
pub(super) fn map_boxes<'a>(
    boxes: &'a [LabeledBox],
    map: &'a Affine,
) -> impl Iterator<Item = LabeledBox> + 'a {
    boxes.iter().map(|labeled| LabeledBox {
        bounds: labeled.bounds.map(map),
        ..*labeled
    })
}

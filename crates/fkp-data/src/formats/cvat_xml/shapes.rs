//! The shapes of an image of CVAT: which of them are faces, and their keypoints.

use crate::DataError;
use crate::error::{AnnotationError, shortened};
use crate::formats::named_faces::{MAX_KEYPOINTS, NamedFace, NamedFaces};
use crate::formats::xml::{XmlText, quoted};
use crate::table::coordinate;
use fkp_core::{Keypoint, Visibility};
use roxmltree::Node;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The center of the first pixel in the file, where the outer edge of the image is at 0.
pub(super) const EDGE: f64 = 0.5;

/// Which shapes are faces.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// Skeletons.
    Skeletons,
    /// Points shapes with several points, which are numbered.
    Numbered,
    /// Points shapes with one point and one label, each of which is a face.
    Single,
    /// Points shapes with one point, whose labels are the names of keypoints.
    Labeled,
}

impl Kind {
    /// The kind of the shapes of these images.
    pub(super) fn of<'a>(
        xml: &XmlText<'_>,
        images: impl Iterator<Item = Node<'a, 'a>> + Clone,
    ) -> Result<Self, DataError> {
        let shapes = || images.clone().flat_map(|image| image.children());
        if shapes().any(|node| node.has_tag_name("skeleton")) {
            return Ok(Self::Skeletons);
        }
        let mut labels = BTreeSet::new();
        for node in shapes().filter(|node| node.has_tag_name("points")) {
            if xml.attribute(node, "points")?.contains(';') {
                return Ok(Self::Numbered);
            }
            labels.insert(xml.attribute(node, "label")?);
        }
        Ok(if labels.len() > 1 {
            Self::Labeled
        } else {
            Self::Single
        })
    }
}

/// Reads the shapes of the images of a file.
pub(super) struct Shapes<'a> {
    xml: &'a XmlText<'a>,
    kind: Kind,
    /// The labels of the points of each skeleton, as the project defines them.
    defined: BTreeMap<&'a str, Vec<&'a str>>,
    /// The labels of skeletons in the order in which they occur.
    skeletons: Vec<SkeletonLabel<'a>>,
    /// The number of points of the first shape, and its line.
    count: Option<(usize, u64)>,
    unlabeled: usize,
    others: usize,
}

/// The label of skeletons, and the keypoints that they have.
struct SkeletonLabel<'a> {
    name: &'a str,
    first: Node<'a, 'a>,
    keypoints: BTreeSet<usize>,
}

impl<'a> Shapes<'a> {
    pub(super) fn new(xml: &'a XmlText<'a>, kind: Kind, root: Node<'a, 'a>) -> Self {
        let mut defined: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let meta = root.children().filter(|node| node.has_tag_name("meta"));
        let labels = meta.flat_map(|meta| meta.descendants());
        for label in labels.filter(|node| node.has_tag_name("label")) {
            let text = |name: &str| {
                let child = label.children().find(|child| child.has_tag_name(name));
                child.and_then(|child| child.text()).map(str::trim)
            };
            if let (Some(name), Some(parent)) = (text("name"), text("parent")) {
                defined.entry(parent).or_default().push(name);
            }
        }
        Self {
            xml,
            kind,
            defined,
            skeletons: Vec::new(),
            count: None,
            unlabeled: 0,
            others: 0,
        }
    }

    /// Adds the faces of an image. `find` returns its file.
    pub(super) fn read(
        &mut self,
        image: Node<'a, 'a>,
        name: &str,
        find: impl Fn() -> Result<PathBuf, DataError>,
        faces: &mut NamedFaces,
    ) -> Result<(), DataError> {
        let wanted = match self.kind {
            Kind::Skeletons => "skeleton",
            _ => "points",
        };
        let mut groups: BTreeMap<&str, Vec<Node<'a, 'a>>> = BTreeMap::new();
        let mut shapes = Vec::new();
        for node in image.children().filter(Node::is_element) {
            if !node.has_tag_name(wanted) {
                self.others += usize::from(!node.has_tag_name("tag"));
            } else if self.kind == Kind::Labeled {
                let group = node.attribute("group_id").unwrap_or_default();
                groups.entry(group).or_default().push(node);
            } else {
                shapes.push(vec![node]);
            }
        }
        shapes.extend(groups.into_values());
        let mut file = None;
        let mut number = 0;
        for shape in shapes {
            let mut face = NamedFace::default();
            for node in shape {
                self.add(node, &mut face, faces)?;
            }
            if !face.is_labeled() {
                self.unlabeled += 1;
                faces.skip();
                continue;
            }
            number += 1;
            face.id = match number {
                1 => name.to_owned(),
                number => format!("{name} face {number}"),
            };
            face.image = match &file {
                Some(file) => PathBuf::clone(file),
                None => file.insert(find()?).clone(),
            };
            faces.push(face);
        }
        Ok(())
    }

    /// Adds the keypoints of a shape to a face.
    fn add(
        &mut self,
        node: Node<'a, 'a>,
        face: &mut NamedFace,
        faces: &mut NamedFaces,
    ) -> Result<(), DataError> {
        let xml = self.xml;
        match self.kind {
            Kind::Skeletons => self.add_skeleton(node, face, faces),
            Kind::Numbered => {
                let points = points(xml, node)?;
                let (expected, row) = *self.count.get_or_insert((points.len(), xml.row(node)));
                if points.len() != expected {
                    let error = AnnotationError::KeypointCount {
                        expected,
                        found: points.len(),
                        reason: format!(", as in the first shape in row {row}"),
                    };
                    return Err(xml.error(node, quoted("points"), error));
                }
                let visibility = visibility(xml, node)?;
                for (number, point) in points.into_iter().enumerate() {
                    let keypoint = keypoint(point, visibility);
                    let added = faces.add(face, &number.to_string(), keypoint, xml.row(node));
                    added.map_err(|error| xml.error(node, quoted("points"), error))?;
                }
                Ok(())
            }
            Kind::Single | Kind::Labeled => add_point(xml, node, face, faces).map(|_| ()),
        }
    }

    fn add_skeleton(
        &mut self,
        node: Node<'a, 'a>,
        face: &mut NamedFace,
        faces: &mut NamedFaces,
    ) -> Result<(), DataError> {
        let xml = self.xml;
        let name = xml.attribute(node, "label")?;
        let known = self.skeletons.iter().position(|label| label.name == name);
        let index = match known {
            Some(index) => index,
            None => {
                let mut keypoints = BTreeSet::new();
                for point in self.defined.get(name).into_iter().flatten() {
                    let index = faces.names.index_of(point);
                    keypoints.insert(index.map_err(|e| xml.error(node, quoted("label"), e))?);
                }
                self.skeletons.push(SkeletonLabel {
                    name,
                    first: node,
                    keypoints,
                });
                self.skeletons.len() - 1
            }
        };
        for point in node.children().filter(|child| child.has_tag_name("points")) {
            let added = add_point(xml, point, face, faces)?;
            self.skeletons[index].keypoints.insert(added);
        }
        Ok(())
    }

    /// The label of the skeletons, if there are any.
    ///
    /// # Errors
    /// If two labels have different keypoints: they cannot form one data set.
    pub(super) fn check_labels(&self) -> Result<Option<String>, DataError> {
        let Some((first, rest)) = self.skeletons.split_first() else {
            return Ok(None);
        };
        match rest.iter().find(|other| other.keypoints != first.keypoints) {
            Some(other) => {
                let first = first.name.to_owned();
                let error = AnnotationError::KeypointsDiffer { first };
                Err(self.xml.error(other.first, quoted("label"), error))
            }
            None => Ok(Some(first.name.to_owned())),
        }
    }

    /// What was not read.
    pub(super) fn notes(&self) -> Vec<String> {
        let what = match self.kind {
            Kind::Skeletons => "skeletons",
            _ => "points",
        };
        let unlabeled = format!(
            "{} {what} without a labeled keypoint were ignored",
            self.unlabeled
        );
        let others = format!("{} shapes that are not {what} were ignored", self.others);
        let notes = [(self.unlabeled, unlabeled), (self.others, others)];
        notes
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(_, note)| note)
            .collect()
    }
}

/// Adds the only point of a shape, whose label is the name of the keypoint. Returns the index of the
/// name.
fn add_point(
    xml: &XmlText<'_>,
    node: Node<'_, '_>,
    face: &mut NamedFace,
    faces: &mut NamedFaces,
) -> Result<usize, DataError> {
    let name = xml.attribute(node, "label")?;
    let visibility = visibility(xml, node)?;
    let keypoint = match (visibility, points(xml, node)?.as_slice()) {
        (Visibility::Unlabeled, _) => Keypoint::unlabeled(),
        (_, &[point]) => keypoint(point, visibility),
        (_, points) => {
            let error = AnnotationError::KeypointCount {
                expected: 1,
                found: points.len(),
                reason: format!(", as `{}` names only one", shortened(name.as_bytes())),
            };
            return Err(xml.error(node, quoted("points"), error));
        }
    };
    let added = faces.add(face, name, keypoint, xml.row(node));
    added.map_err(|error| xml.error(node, quoted("label"), error))
}

fn visibility(xml: &XmlText<'_>, node: Node<'_, '_>) -> Result<Visibility, DataError> {
    let outside = xml.flag(node, "outside")?;
    let occluded = xml.flag(node, "occluded")?;
    Ok(match (outside, occluded) {
        (true, _) => Visibility::Unlabeled,
        (false, true) => Visibility::Occluded,
        (false, false) => Visibility::Visible,
    })
}

fn keypoint([x, y]: [f64; 2], visibility: Visibility) -> Keypoint {
    Keypoint {
        x: (x - EDGE) as f32,
        y: (y - EDGE) as f32,
        visibility,
    }
}

/// The points of a shape, such as `10.5,20.25;30,40`.
fn points(xml: &XmlText<'_>, node: Node<'_, '_>) -> Result<Vec<[f64; 2]>, DataError> {
    let text = xml.attribute(node, "points")?;
    let invalid = |error| xml.error(node, quoted("points"), error);
    let point = |text: &str| {
        let Some((x, y)) = text.split_once(',') else {
            return Err(invalid(AnnotationError::Syntax {
                expected: "x,y for each point, separated by semicolons",
                found: format!("`{}`", shortened(text.as_bytes())),
            }));
        };
        let read = |text: &str| coordinate(text.trim().as_bytes()).map_err(invalid);
        Ok([read(x)?, read(y)?])
    };
    if text.bytes().filter(|byte| *byte == b';').count() >= MAX_KEYPOINTS {
        let (what, limit) = ("points of a shape", MAX_KEYPOINTS);
        return Err(invalid(AnnotationError::TooMany { what, limit }));
    }
    text.trim().split(';').map(point).collect()
}

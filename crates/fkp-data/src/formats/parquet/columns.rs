//! Which columns of a Parquet file have the image, the keypoints and the other labels.

use crate::error::{AnnotationError, listed};
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::schema::types::{Type, TypePtr};
use std::collections::BTreeMap;

/// The columns of a file that are read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Columns {
    pub(super) image: String,
    pub(super) keypoints: KeypointColumns,
    pub(super) visibility: Option<String>,
    pub(super) bbox: Option<String>,
    pub(super) group: Option<String>,
}

/// The columns with the coordinates.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum KeypointColumns {
    /// One column of lists.
    List(String),
    /// Two columns of numbers, x and y, for each keypoint.
    Named(Vec<NamedColumns>),
}

/// The columns of one keypoint.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NamedColumns {
    pub(super) name: String,
    pub(super) x: String,
    pub(super) y: String,
}

/// A column that is missing.
#[derive(Debug, PartialEq)]
pub(super) struct Missing {
    pub(super) column: &'static str,
    pub(super) error: AnnotationError,
}

impl Columns {
    /// Finds the columns of a file by their names and types.
    pub(super) fn find(schema: &Type) -> Result<Self, Missing> {
        let fields = fields(schema);
        let names_of = |kind: Kind| {
            let fields = fields.iter().filter(move |field| Kind::of(field) == kind);
            fields.map(|field| field.name()).collect::<Vec<_>>()
        };
        let missing = |column| Missing {
            column,
            error: AnnotationError::MissingColumn {
                found: listed(fields.iter().map(|field| format!("`{}`", field.name()))),
            },
        };
        let first_of = |names: &[&str], found: &[&str]| {
            let name = names.iter().find(|name| found.contains(name));
            name.map(|name| (*name).to_owned())
        };
        let images = names_of(Kind::Image);
        let only_image = match images.as_slice() {
            [only] => Some((*only).to_owned()),
            _ => None,
        };
        let image = first_of(&["image", "img"], &images).or(only_image);
        let lists = names_of(Kind::List);
        let keypoints = first_of(&["keypoints", "landmarks", "points"], &lists);
        let named = named_columns(&names_of(Kind::Number));
        let only = |name: &str, found: &[&str]| first_of(&[name], found);
        let texts = [names_of(Kind::Text), names_of(Kind::Number)].concat();
        Ok(Self {
            image: image.ok_or_else(|| missing("image"))?,
            keypoints: match keypoints {
                Some(list) => KeypointColumns::List(list),
                None if !named.is_empty() => KeypointColumns::Named(named),
                None => return Err(missing("keypoints")),
            },
            visibility: only("visibility", &lists),
            bbox: only("bbox", &lists),
            group: first_of(&["group", "person"], &texts),
        })
    }

    /// The fields of a schema that are read.
    pub(super) fn project(&self, schema: &Type) -> Vec<TypePtr> {
        let names = self.names();
        let fields = fields(schema).iter();
        let fields = fields.filter(|field| names.contains(&field.name()));
        fields.cloned().collect()
    }

    /// The names of the columns for a message.
    pub(super) fn listed(&self) -> String {
        listed(self.names().iter().map(|name| format!("`{name}`")))
    }

    fn names(&self) -> Vec<&str> {
        let mut names = vec![self.image.as_str()];
        match &self.keypoints {
            KeypointColumns::List(name) => names.push(name),
            KeypointColumns::Named(columns) => {
                names.extend(columns.iter().flat_map(|named| [&*named.x, &*named.y]));
            }
        }
        let optional = [&self.visibility, &self.bbox, &self.group];
        names.extend(optional.into_iter().flatten().map(String::as_str));
        names
    }
}

fn fields(schema: &Type) -> &[TypePtr] {
    match schema.is_group() {
        true => schema.get_fields(),
        false => &[],
    }
}

/// `<name>_x` and `<name>_y`, in the order of the first of them.
fn named_columns(numbers: &[&str]) -> Vec<NamedColumns> {
    let known: BTreeMap<&str, ()> = numbers.iter().map(|name| (*name, ())).collect();
    let named = numbers.iter().filter_map(|x| {
        let name = x.strip_suffix("_x")?;
        let y = format!("{name}_y");
        known.contains_key(y.as_str()).then(|| NamedColumns {
            name: name.to_owned(),
            x: (*x).to_owned(),
            y,
        })
    });
    named.collect()
}

/// What a column may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The bytes of a file, or a struct with a field `bytes` of such.
    Image,
    /// A list of numbers or of such lists.
    List,
    Number,
    Text,
    Other,
}

impl Kind {
    fn of(field: &Type) -> Self {
        if field.is_group() {
            let inner = field.get_fields();
            let is_image = inner.iter().all(|inner| inner.is_primitive())
                && (inner.iter())
                    .any(|inner| inner.name() == "bytes" && Self::of(inner) == Self::Image);
            return match is_image {
                true => Self::Image,
                false if is_list(field) && has_few_levels(field) => Self::List,
                false => Self::Other,
            };
        }
        match field.get_physical_type() {
            Physical::BYTE_ARRAY if is_text(field) => Self::Text,
            Physical::BYTE_ARRAY => Self::Image,
            Physical::BOOLEAN | Physical::INT96 | Physical::FIXED_LEN_BYTE_ARRAY => Self::Other,
            _ => Self::Number,
        }
    }
}

/// Whether a list has one column and a depth as lists of a few dimensions have it. The library reads
/// a column recursively.
fn has_few_levels(list: &Type) -> bool {
    let mut level = list;
    for _ in 0..8 {
        if level.is_primitive() {
            return true;
        }
        let [inner] = level.get_fields() else {
            return false;
        };
        level = inner;
    }
    false
}

fn is_list(field: &Type) -> bool {
    let info = field.get_basic_info();
    info.converted_type() == ConvertedType::LIST
        || info.logical_type_ref() == Some(&LogicalType::List)
}

fn is_text(field: &Type) -> bool {
    let info = field.get_basic_info();
    info.converted_type() == ConvertedType::UTF8
        || info.logical_type_ref() == Some(&LogicalType::String)
}

//! Reading the keys of a recipe, such that an error names its key.
//!
//! The `kind` of a transform is read together with its other keys, so serde buffers all of them and
//! then reports a wrong type without its key. The deserializer here adds the key to the error of
//! each value, and the new name to the error of a key that was renamed.

mod renamed;

use renamed::explain;
use serde::de::value::StrDeserializer;
use serde::de::{Deserialize, Visitor};
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess};
use std::fmt;

/// Deserializes a struct; the error of a value names its key.
pub(crate) fn named<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(Named(deserializer))
}

/// The deserializer of a struct whose errors name the key.
pub(crate) struct Named<D>(pub(crate) D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Named<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0
            .deserialize_struct(name, fields, NamedVisitor(visitor))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct NamedVisitor<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for NamedVisitor<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let key = String::new();
        self.0.visit_map(NamedMap { map, key })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(seq)
    }
}

struct NamedMap<A> {
    map: A,
    /// The key read last.
    key: String,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for NamedMap<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let key = &mut self.key;
        self.map.next_key_seed(KeySeed { seed, key })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        let key = &self.key;
        self.map.next_value_seed(ValueSeed { seed, key })
    }

    fn size_hint(&self) -> Option<usize> {
        self.map.size_hint()
    }
}

struct KeySeed<'a, S> {
    seed: S,
    key: &'a mut String,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for KeySeed<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        *self.key = String::deserialize(deserializer)?;
        let key: StrDeserializer<'_, D::Error> = self.key.as_str().into_deserializer();
        self.seed.deserialize(key).map_err(explain)
    }
}

struct ValueSeed<'a, S> {
    seed: S,
    key: &'a str,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for ValueSeed<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let name = |error: D::Error| match explain(error) {
            // The innermost key is already there.
            error if error.to_string().starts_with('`') => error,
            error => D::Error::custom(format!("`{}`: {error}", self.key)),
        };
        self.seed.deserialize(deserializer).map_err(name)
    }
}

//! The macro that defines the enum [`Loss`](crate::Loss) by the list of losses.

/// `losses! { "name" => file::Type, … }` with the name in a configuration file. The first loss of
/// the list that can be computed from an output is that output's default.
macro_rules! losses {
    ($($text:literal => $file:ident::$name:ident,)*) => {
        $(pub use $file::$name;)*

        /// A loss function of an error e, predicted minus labeled. Missing labels have weight 0.
        /// [`keypoint_codec`](crate::keypoint_codec) lists the losses of each output.
        ///
        /// In a configuration file it is the name, or the name with some of the parameters; the
        /// others have their default values: `loss = "mae"`, `loss = "wing"`,
        /// `loss = { wing = { width = 5.0 } }`.
        #[derive(Clone, Copy, PartialEq)]
        pub enum Loss {
            $(#[doc = concat!("`", $text, "`, see [`", stringify!($name), "`].")] $name($name),)*
        }

        impl Loss {
            /// The names of all losses in a configuration file.
            pub const NAMES: &'static [&'static str] = &[$($text),*];

            /// The name in a configuration file.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $text,)*
                }
            }

            /// All losses with their default parameters.
            fn all() -> impl Iterator<Item = Self> {
                [$(Self::$name($name::default()),)*].into_iter()
            }

            pub(crate) fn definition(&self) -> &dyn Definition {
                match self {
                    $(Self::$name(loss) => loss,)*
                }
            }
        }

        $(impl From<$name> for Loss {
            fn from(loss: $name) -> Self {
                Self::$name(loss)
            }
        })*

        impl fmt::Debug for Loss {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name(loss) => loss.fmt(f),)*
                }
            }
        }

        impl Serialize for Loss {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if self.definition().parameters().is_empty() {
                    return serializer.serialize_str(self.name());
                }
                match self {
                    $(Self::$name(loss) => {
                        serializer.serialize_newtype_variant("Loss", 0, $text, loss)
                    })*
                }
            }
        }

        /// Reads the parameters of the loss with this name.
        fn read_parameters<'de, A: MapAccess<'de>>(
            name: &str,
            map: &mut A,
        ) -> Result<Loss, A::Error> {
            match name {
                $($text => map.next_value().map(Loss::$name),)*
                _ => Err(de::Error::unknown_variant(name, Loss::NAMES)),
            }
        }
    };
}

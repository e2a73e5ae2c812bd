//! The macro that defines the enum [`Schedule`](crate::Schedule) by the list of schedules.

/// `schedules! { "kind" => file::Type, … }` with the kind in a configuration file.
macro_rules! schedules {
    ($($text:literal => $file:ident::$name:ident,)*) => {
        $(pub use $file::$name;)*

        /// A learning-rate schedule: a factor on the configured learning rate for each step.
        ///
        /// Formulas and defaults are those of `torch.optim.lr_scheduler`. The configured rate is
        /// always the highest, also for [`OneCycle`].
        #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        pub enum Schedule {
            $(
                #[doc = concat!("`", $text, "`, see [`", stringify!($name), "`].")]
                #[serde(rename = $text)]
                $name($name),
            )*
        }

        impl Schedule {
            fn definition(&self) -> &dyn Definition {
                match self {
                    $(Self::$name(schedule) => schedule,)*
                }
            }
        }

        $(impl From<$name> for Schedule {
            fn from(schedule: $name) -> Self {
                Self::$name(schedule)
            }
        })*
    };
}

//! The models that are included in the crate.

use fkp_weights::Weights;

/// A model that is included in the crate, with its weights: see
/// [`Landmarker::from_pretrained`](crate::Landmarker::from_pretrained). Its model card, with its
/// data, its recipe and its errors on photographs, is in the documentation of the crate of its
/// weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Pretrained {
    /// 68 keypoints with a standard deviation each and a face score, in about a millisecond on one
    /// core. Trained on rendered faces alone: no photograph went in, so anybody may ship it.
    #[default]
    Fast,
    /// The network of [`Self::Fast`], trained on rendered faces and on photographs, its face score as well. More
    /// accurate, but the terms of the photographs exclude commercial use: read the license of
    /// `fkp-weights-research`.
    #[cfg(feature = "research-weights")]
    ResearchFast,
    /// Trained like [`Self::ResearchFast`], with errors that are a tenth smaller and without a
    /// face score, in more time. Its terms are the same.
    #[cfg(feature = "research-weights")]
    ResearchAccurate,
}

impl Pretrained {
    /// All models of this build.
    pub const ALL: &[Self] = &[
        Self::Fast,
        #[cfg(feature = "research-weights")]
        Self::ResearchFast,
        #[cfg(feature = "research-weights")]
        Self::ResearchAccurate,
    ];

    /// The name on the command line and in messages, such as `fast`.
    pub fn name(self) -> &'static str {
        self.weights().name
    }

    /// The bytes of the model file, with their name and checksum.
    pub fn weights(self) -> Weights {
        match self {
            Self::Fast => fkp_weights::FAST,
            #[cfg(feature = "research-weights")]
            Self::ResearchFast => fkp_weights_research::FAST,
            #[cfg(feature = "research-weights")]
            Self::ResearchAccurate => fkp_weights_research::ACCURATE,
        }
    }

    /// The model whose [face score](crate::Face::score) corrects the detections of
    /// [`Landmarker::detect_faces`](crate::Landmarker::detect_faces): this one, if it has a face score.
    pub fn face_scorer(self) -> Self {
        match self {
            #[cfg(feature = "research-weights")]
            Self::ResearchFast | Self::ResearchAccurate => Self::ResearchFast,
            Self::Fast => Self::Fast,
        }
    }

    /// The model of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|model| model.name() == name)
    }
}

/// A face detector that is included in the crate, with its weights: see
/// [`FaceDetector::from_pretrained`](crate::FaceDetector::from_pretrained). Its model card is in the
/// documentation of the crate of its weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum PretrainedDetector {
    /// Trained on rendered scenes alone: no photograph went in, so anybody may ship it.
    #[default]
    Faces,
    /// The same network, trained on photographs as well, whose terms exclude commercial use: read the
    /// license of `fkp-weights-research`.
    #[cfg(feature = "research-weights")]
    ResearchFaces,
}

impl PretrainedDetector {
    /// All detectors of this build.
    pub const ALL: &[Self] = &[
        Self::Faces,
        #[cfg(feature = "research-weights")]
        Self::ResearchFaces,
    ];

    /// The name on the command line and in messages, such as `faces`.
    pub fn name(self) -> &'static str {
        self.weights().name
    }

    /// The bytes of the model file, with their name and checksum.
    pub fn weights(self) -> Weights {
        match self {
            Self::Faces => fkp_weights::FACES,
            #[cfg(feature = "research-weights")]
            Self::ResearchFaces => fkp_weights_research::FACES,
        }
    }

    /// The detector of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|detector| detector.name() == name)
    }
}

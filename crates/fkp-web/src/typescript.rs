//! The TypeScript types of what `FaceLandmarker` takes and returns.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What a `FaceLandmarker` finds; each option has a default. */
export interface FaceLandmarkerOptions {
    /** The keypoints: the 68 of iBUG (the default), or the 15 of Kaggle's Facial Keypoints Detection. */
    schema?: "ibug68" | "kaggle15";
    /**
     * The lowest score of a face, from 0 to 1. If none reaches it, the likeliest with a `faceScore` of at
     * least 0.5 is returned.
     */
    minScore?: number;
    /** The height of the smallest face to find, in pixels of the image; default 16. */
    minFaceSize?: number;
    /** Faces are searched in the image reduced to this longer side in pixels; default 640. */
    maxSide?: number;
}

/** A keypoint in pixels of the image. The center of the first pixel is (0, 0). */
export interface FaceKeypoint {
    /** The name in the schema. Left and right are those of the person. */
    name: string;
    x: number;
    y: number;
    /** Standard deviation of x and of y, in pixels. */
    sigma: number;
}

/** The orientation of a head in degrees. */
export interface HeadPose {
    yaw: number;
    pitch: number;
    roll: number;
}

/** A face of an image. */
export interface Face {
    /** The same in all frames of a video in which the face is followed. */
    id?: number;
    /**
     * x, y, width and height in pixels, from the outer edge of the image; absent for a crop, and for a
     * face of a video in a frame in which the detector did not run or did not find it.
     */
    box?: [number, number, number, number];
    /** The score of the detector, corrected by `faceScore`, where there is a box. */
    score?: number;
    /** The probability that the crop is that of a face, from 0 to 1. */
    faceScore?: number;
    keypoints: FaceKeypoint[];
    /** From the 68 keypoints, also where 15 are asked for. */
    pose?: HeadPose;
}
"#;

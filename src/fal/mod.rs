//! What fal requires of an image.

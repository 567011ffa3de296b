//! Stages and known images to LLB and an image config.

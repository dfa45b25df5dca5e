"""Data: one file a format, all read into `sample.PoseData`; splits, checks, and the crop cache that training reads."""

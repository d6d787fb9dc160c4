mod bundles;
mod machines;

"""LightningDataModules and the embedded world; this package imports no sibling package."""

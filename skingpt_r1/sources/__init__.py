"""Pictures from public datasets and users' folders as Cases, split so that no lesion is on two sides."""

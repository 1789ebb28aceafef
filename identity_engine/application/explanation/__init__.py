"""Why, why not and how, in sentences, from stored evidence."""

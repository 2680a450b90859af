"""The text form of a narrative: vocabulary, writing, reading, checking, reporting.

`render.render` and `parse.parse` are inverse on everything that the vocabulary can say.
"""

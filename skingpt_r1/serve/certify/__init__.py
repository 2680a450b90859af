"""The certification page of DermCoT: dermatologists score, mend and certify narratives, blind to each other.

`queue` gives a case to two raters, `answers` takes what they say, `decisions` holds them together, `view` alone decides
what a person may see, `chain` signs what leaves the house. Everything that is done is appended to the audit table.
"""

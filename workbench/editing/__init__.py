"""What an editor of rule files needs, without a screen: any screen, or a language server.

Texts and positions go in, plain data comes out; lines and columns count from 0 here. Half-written
files are the rule: nothing but ``formatting`` needs the YAML to be well.

    words        words of a condition with their kinds
    conditions   what may stand at the cursor of a condition
    outline      the items of a rule file (rules, macros, lists) and where each of their values is
    tokens       a line of a rule file in kinds, for colours
    completions  what may stand at the cursor of a rule file
    definitions  where macros, lists and rules are defined, over several files; what a word is
    diagnostics  what is wrong, and under which words
    changes      which items differ between two texts
"""

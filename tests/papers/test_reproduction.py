def test_what_a_row_builds_on_comes_first() -> None:
    assert needed(MADE_UP, [TABLES["table1"]], "mini") == ["first", "pair", "pupil", "tuned"]
    backwards = Table("", tuple(reversed(ROWS)))
    order = needed(MADE_UP, [backwards], "mini")
    assert order.index("pair") < order.index("tuned") and order.index("first") < order.index("pupil")

"""What the commands and the screens do, without either: no Typer, Rich or Textual in here."""

"""The command line shows the world, and refuses a world that cannot be."""

import pytest
from PIL import Image

from datamodules.__main__ import main


def test_the_contact_sheet_is_a_picture(tmp_path, capsys):
    main(["contact-sheet", str(tmp_path / "sheet.png"), "--classes", "5"])
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert min(sheet.size) > 500
    assert capsys.readouterr().out == f"{tmp_path / 'sheet.png'}\n"


def test_an_impossible_world_is_refused_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["contact-sheet", str(tmp_path / "sheet.png"), "--detail", "9"])
    assert stopped.value.code == 2
    assert "world.detail must lie in [0, 3], got 9." in capsys.readouterr().err


def test_an_unwritable_path_is_refused_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["contact-sheet", str(tmp_path / "nowhere" / "sheet.png"), "--classes", "4"])
    assert "No such file or directory" in capsys.readouterr().err

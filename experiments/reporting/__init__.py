"""What a run shows: leaderboard, report, tables, and the pages that results/ feeds."""

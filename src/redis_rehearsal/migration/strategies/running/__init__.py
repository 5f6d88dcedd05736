"""What strategies do, apart from what they declare: it needs connections, and is loaded once a migration begins."""

"""The use cases: one public function per file, all touching the world through ports."""

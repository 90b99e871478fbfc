"""Scripts for maintainers; they are not part of a wheel."""

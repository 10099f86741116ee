"""Text for people, in Norwegian and English: sentences as data, formats of dates and lengths, pages from templates."""

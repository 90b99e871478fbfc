"""The studio: a local web page that drives every installed plugin, and the same server as an API for programs.

`seqforge studio` opens the page, `seqforge serve` starts the API. Both need the extra `studio` (starlette and uvicorn).
"""

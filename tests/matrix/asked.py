"""What the matrix asks: the words, the tool, the class and the media that all columns look for in request bodies."""

from __future__ import annotations

from pydantic import BaseModel

QUESTION = "What is the weather in Paris?"
SYSTEM = "You are a meteorologist."
BEFORE, BETWEEN = "Hello!", "Hello, what would you like to know?"
FAILURE = "There is no such city."
STOP = "END"
SEED = 7
RESULTS = {"Paris": "21 degrees", "Rome": "30 degrees"}

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PICTURE_URL = "https://example.com/paris.png"
PDF = "JVBERi0xLjQKJeLjz9MK"
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEA"
MP4 = "AAAAGGZ0eXBtcDQyAAAAAG1wNDJpc29t"
DOCUMENT_TITLE, DOCUMENT = "Almanac", "It never rains in Paris."


class Weather(BaseModel):
    """The weather in a city."""

    city: str
    degrees: int


WEATHER = Weather(city="Paris", degrees=21)

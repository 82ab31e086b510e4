"""Conversations in a Django project, for those who are logged in to it.

All of a project is in this file; in yours, the last part belongs in ``asgi.py``.

    pip install duologue django
    python app.py migrate
    DJANGO_SUPERUSER_PASSWORD=pw python app.py createsuperuser \
        --noinput --username ann --email ann@example.org
    uvicorn app:application

Log in at http://127.0.0.1:8000/admin/, then talk at http://127.0.0.1:8000/simple: a client's ID
is the number of its user.
"""

import os
import secrets
import sys

import django
from django.conf import settings

settings.configure(
    SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(),
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.admin",
        "django.contrib.messages",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.db"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from django.contrib import admin
from django.contrib.auth import aget_user
from django.contrib.sessions.backends.db import SessionStore
from django.core.asgi import get_asgi_application
from django.core.management import execute_from_command_line
from django.http import HttpRequest
from django.urls import path

from duologue import Duologue

urlpatterns = [path("admin/", admin.site.urls)]


async def identify(handshake, auth):
    request = HttpRequest()
    request.session = SessionStore(handshake.cookies.get(settings.SESSION_COOKIE_NAME))
    user = await aget_user(request)
    return (str(user.pk), user.get_username()) if user.is_authenticated else None


duologue = Duologue(app=get_asgi_application(), identify=identify)
application = duologue.asgi

if __name__ == "__main__":
    execute_from_command_line(sys.argv)

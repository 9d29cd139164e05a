from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "riskconsole.people"
    label = "people"

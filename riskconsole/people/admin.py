"""Names and addresses of users; roles, passwords and standing are changed on the pages of people."""

from django.http import HttpRequest

from riskconsole.people.back_office import RecordedAdmin


class UserAdmin(RecordedAdmin):
    action_prefix = "people.user"
    subject = "user"
    list_display = ("username", "email", "first_name", "last_name", "is_active", "last_login")
    search_fields = ("username", "email", "first_name", "last_name")
    ordering = ("username",)
    fields = ("username", "email", "first_name", "last_name")
    readonly_fields = ("username",)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Nobody is made here: people are invited."""
        return False

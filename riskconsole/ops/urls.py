from django.urls import include, path

from riskconsole.ops import link_views, people_views, token_views, views

person = [
    path("", people_views.person, name="person"),
    path("roles/add/", people_views.add_role, name="add-role"),
    path("roles/remove/", people_views.remove_role, name="remove-role"),
    path("site-role/", people_views.site_role, name="site-role"),
    path("password-link/", people_views.password_link, name="password-link"),
    path("second-factor/reset/", people_views.reset_second_factor, name="reset-second-factor"),
    path("deactivate/", people_views.deactivate, name="deactivate"),
    path("activate/", people_views.activate, name="activate"),
]
app_name = "ops"
urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("demo-codes/", views.demo_codes, name="demo-codes"),
    path("invitation/<str:secret>/", link_views.invitation, name="invitation"),
    path("new-password/<str:secret>/", link_views.password, name="password"),
    path("settings/people/", people_views.people, name="people"),
    path("settings/people/invite/", people_views.invite_person, name="invite"),
    path("settings/people/invitations/<int:pk>/revoke/", people_views.revoke, name="revoke"),
    path("settings/people/<int:pk>/", include(person)),
    path("settings/tokens/", token_views.tokens, name="tokens"),
    path("settings/tokens/create/", token_views.create, name="create-token"),
    path("settings/tokens/<str:name>/revoke/", token_views.revoke, name="revoke-token"),
]
